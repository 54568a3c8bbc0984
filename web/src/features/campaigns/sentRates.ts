/** How fast something goes, measured from a count that is told now and then. */

const WINDOW_MS = 60_000;
/** Over less than this a rate says nothing. */
const LEAST_MS = 4_000;

interface Sample {
  at: number;
  value: number;
}

/** Counts by id over the last minute; times in ms. */
export class RateMeter {
  #samples = new Map<number, Sample[]>();

  add(id: number, value: number, at: number) {
    const samples = this.#samples.get(id) ?? [];
    samples.push({ at, value });
    // The last one before the window stays: it is the value at the window's beginning.
    while (samples[1] && samples[1].at <= at - WINDOW_MS) samples.shift();
    this.#samples.set(id, samples);
  }

  /** Over the last minute, or what of it was watched; null: not watched for long enough. */
  perMinute(id: number, now: number): number | null {
    const samples = this.#samples.get(id) ?? [];
    const last = samples.at(-1);
    const begin = now - WINDOW_MS;
    const first = samples.findLast((sample) => sample.at <= begin) ?? samples[0];
    if (!first || !last) return null;
    const span = now - Math.max(first.at, begin);
    return span < LEAST_MS ? null : ((last.value - first.value) / span) * 60_000;
  }

  /** Nobody watched for a while: what comes next is a beginning. */
  clear() {
    this.#samples.clear();
  }
}

export const sentRates = new RateMeter();
