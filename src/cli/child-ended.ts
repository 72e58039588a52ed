/** A process that this one started for a part of the command failed, and has said why on stderr. */
export class ChildEnded extends Error {
  override name = "ChildEnded";
  constructor(readonly status: number) {
    super(`a process of this command ended with status ${status}`);
  }
}
