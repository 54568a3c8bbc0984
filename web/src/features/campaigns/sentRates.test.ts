import { expect, test } from "vitest";
import { RateMeter } from "./sentRates";

test("a rate is told only after some seconds", () => {
  const meter = new RateMeter();
  expect(meter.perMinute(1, 0)).toBeNull();
  meter.add(1, 100, 0);
  expect(meter.perMinute(1, 2_000)).toBeNull();
  meter.add(1, 110, 5_000);
  expect(meter.perMinute(1, 5_000)).toBeCloseTo(120);
  expect(meter.perMinute(2, 5_000)).toBeNull();
});

test("what happened before the last minute does not count", () => {
  const meter = new RateMeter();
  meter.add(1, 0, 0);
  meter.add(1, 1_000, 10_000);
  meter.add(1, 1_060, 130_000);
  expect(meter.perMinute(1, 130_000)).toBeCloseTo(60);
});

test("what stands still comes down to nothing", () => {
  const meter = new RateMeter();
  meter.add(1, 0, 0);
  meter.add(1, 30, 30_000);
  expect(meter.perMinute(1, 60_000)).toBeCloseTo(30);
  expect(meter.perMinute(1, 200_000)).toBe(0);
});

test("after a gap it begins anew", () => {
  const meter = new RateMeter();
  meter.add(1, 0, 0);
  meter.clear();
  meter.add(1, 5_000, 3_600_000);
  expect(meter.perMinute(1, 3_600_000)).toBeNull();
});
