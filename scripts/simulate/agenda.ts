// What is planned for later, in virtual time. Things of one instant happen in the order in which they
// were planned.

export class Agenda<Item> {
  readonly #items: { at: number; item: Item }[] = [];

  /** When the next thing is due; null if nothing is planned. */
  get nextAt(): number | null {
    return this.#items[0]?.at ?? null;
  }

  add(at: number, item: Item): void {
    let place = this.#items.length;
    while (place > 0 && this.#items[place - 1].at > at) place--;
    this.#items.splice(place, 0, { at, item });
  }

  /** Takes what is due. */
  take(now: number): Item[] {
    let count = 0;
    while (count < this.#items.length && this.#items[count].at <= now) count++;
    return this.#items.splice(0, count).map(({ item }) => item);
  }
}
