/** The part of Node's EventEmitter that the argument parser uses, for the page's bundle. */
type Listener = (...values: unknown[]) => void;

export class EventEmitter {
  private readonly listenersOf = new Map<string, Listener[]>();

  on(event: string, listener: Listener): this {
    this.listenersOf.set(event, [...(this.listenersOf.get(event) ?? []), listener]);
    return this;
  }

  emit(event: string, ...values: unknown[]): boolean {
    const listeners = this.listenersOf.get(event) ?? [];
    for (const listener of listeners) listener.apply(this, values);
    return listeners.length > 0;
  }

  listenerCount(event: string): number {
    return this.listenersOf.get(event)?.length ?? 0;
  }
}
