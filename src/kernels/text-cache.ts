/** Texts by what they are made of, the latest used; what no longer fits is made again when it is wanted. */
export class TextCache {
  private readonly texts = new Map<string, string>();
  private characters = 0;
  /** Texts made so far. */
  made = 0;

  /** @param bound most characters of keys and texts together */
  constructor(private readonly bound: number) {}

  /** @param make a function of the key alone; what it throws is not kept */
  get(key: string, make: () => string): string {
    let text = this.texts.get(key);
    if (text === undefined) {
      text = make();
      this.made++;
      this.characters += key.length + text.length;
    } else this.texts.delete(key); // it moves to the end
    this.texts.set(key, text);
    for (const [oldest, its] of this.texts) {
      if (this.characters <= this.bound) break;
      this.texts.delete(oldest);
      this.characters -= oldest.length + its.length;
    }
    return text;
  }
}
