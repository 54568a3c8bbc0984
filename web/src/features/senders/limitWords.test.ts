import { describe, expect, it } from "vitest";
import { leftInWords, limitsInWords, rampInWords } from "./limitWords";

describe("limitsInWords", () => {
  it("says those that there are", () => {
    expect(limitsInWords({ dailyLimit: null, leastGapSeconds: null })).toBe("");
    expect(limitsInWords({ dailyLimit: 2000, leastGapSeconds: 2 })).toBe("2,000 a day, at least 2 s apart");
    expect(limitsInWords({ dailyLimit: null, leastGapSeconds: 600 })).toBe("at least 10 min apart");
  });
});

describe("leftInWords", () => {
  it("says what is left of the day only where the day has a limit", () => {
    expect(leftInWords({ leftThisHour: 1, leftToday: null })).toBe("Room for 1 more email this hour.");
    expect(leftInWords({ leftThisHour: 0, leftToday: 1200 })).toBe(
      "Room for 0 more emails this hour, 1,200 today.",
    );
  });
});

describe("rampInWords", () => {
  it("says how far it is, until another limit is lower", () => {
    const rampUp = { from: 10, perDay: 3 };
    expect(rampInWords({ rampUp: null, rampToday: null, dailyLimit: 40 })).toBeNull();
    expect(rampInWords({ rampUp, rampToday: 16, dailyLimit: null })).toBe(
      "It begins slowly: 16 today, 3 more after each day on which it sends.",
    );
    expect(rampInWords({ rampUp, rampToday: 40, dailyLimit: 40 })).toContain("over");
  });
});
