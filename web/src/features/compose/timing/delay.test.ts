import { expect, it } from "vitest";
import { everyWords } from "./delay";

it("says how fast it goes", () => {
  expect([0, 1_000, 30_000, 60_000, 120_000, 3_600_000, 90_000, 1_500].map(everyWords)).toEqual([
    "One after the other, as fast as the limits allow.",
    "One every second.",
    "One every 30 seconds.",
    "One every minute.",
    "One every 2 minutes.",
    "One every hour.",
    "One every 1 min 30 s.",
    "One every 1.5 seconds.",
  ]);
});

it("rounds before it tells minutes from seconds", () => {
  expect([59_949, 59_960, 119_600, 61_400, 3_599_700, 1_040, 36].map(everyWords)).toEqual([
    "One every 59.9 seconds.",
    "One every minute.",
    "One every 2 minutes.",
    "One every 1 min 1 s.",
    "One every hour.",
    "One every second.",
    "One every 36 ms.",
  ]);
});
