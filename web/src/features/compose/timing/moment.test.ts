import { describe, expect, it } from "vitest";
import { EMPTY } from "../draft/draft";
import { startOf } from "../draft/request";
import { given, instant, isMoment, picked, zoneOf } from "./moment";

const NINE = "2030-01-31 09:00:00";
const IN_BERLIN = given(NINE, "Europe/Berlin");

describe("a time of a draft", () => {
  it("is the same instant wherever the draft is opened", () => {
    expect(instant(IN_BERLIN).toISOString()).toBe("2030-01-31T08:00:00.000Z");
    const timing = { ...EMPTY.timing, when: "later" as const, startTime: given(NINE, "America/New_York") };
    expect(startOf(timing)?.toISOString()).toBe("2030-01-31T14:00:00.000Z");
  });

  it("is shown by the clock of whoever looks at it", () => {
    expect(picked(IN_BERLIN, "Europe/Berlin")).toBe(NINE);
    expect(picked(IN_BERLIN, "America/New_York")).toBe("2030-01-31 03:00:00");
    expect(zoneOf(IN_BERLIN)).toBe("Europe/Berlin");
  });

  it("was given here if nobody has said where", () => {
    expect(picked(NINE)).toBe(NINE);
    expect(instant(NINE)).toEqual(instant(given(NINE)));
  });

  it("is one only in a zone that this browser knows", () => {
    expect([NINE, IN_BERLIN, given(NINE, "UTC")].every(isMoment)).toBe(true);
    for (const other of ["", "2030-01-31", `${NINE}[Mars/Base]`, `${NINE}[]`, null, 7])
      expect(isMoment(other)).toBe(false);
  });
});
