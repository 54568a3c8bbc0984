import { describe, expect, it } from "vitest";
import { attemptAt, delayMs, EMPTY, fieldsOf, loadDraft, missing, saveDraft } from "./draft";
import { fieldName, placeholder } from "./fields";
import { everyWords } from "./pace";
import { bars, heldBackSentences, planSentence } from "./plan";
import { htmlOf, textOf } from "./richText";

const NOW = new Date(2030, 0, 31, 9, 0);
const at = (minutes: number) => new Date(NOW.getTime() + minutes * 60_000).toISOString();
const plan = (accepted: number, first: number, last: number) => ({
  accepted,
  firstAt: at(first),
  lastAt: at(last),
});

describe("the plan in words", () => {
  it("is right for one and for many, now and later", () => {
    expect(planSentence(plan(1, 0, 0), NOW)).toBe("1 email leaves now.");
    expect(planSentence(plan(1, 60, 60), NOW)).toBe("1 email leaves on 31 Jan, 10:00.");
    expect(planSentence(plan(20, 0, 0), NOW)).toBe("20 emails leave now, within a minute.");
    expect(planSentence(plan(20, 60, 60), NOW)).toBe("20 emails leave on 31 Jan, 10:00, within a minute.");
    expect(planSentence(plan(2000, 0, 90), NOW)).toBe(
      "2,000 emails leave: the first now, the last on 31 Jan, 10:30.",
    );
    expect(planSentence(plan(2, 60, 90), NOW)).toBe(
      "2 emails leave: the first on 31 Jan, 10:00, the last on 31 Jan, 10:30.",
    );
  });

  it("names what holds it back", () => {
    const held = { heldBackBy: { senderHourlyLimit: 1, campaignHourlyLimit: 3 }, senderHourlyLimit: 100 };
    expect(heldBackSentences(held as never, "anna@example.com", 50)).toEqual([
      "Held back by the hourly limit of 100 on anna@example.com, which is used up in 1 hour.",
      "Held back by this campaign's own limit of 50 an hour, which is used up in 3 hours.",
    ]);
    expect(heldBackSentences({ ...held, heldBackBy: {} } as never, "anna@example.com", null)).toEqual([]);
  });

  it("has a bar for each hour, empty ones too, and for days when those are many", () => {
    const hour = (n: number, count = 5) => ({
      start: new Date(Date.UTC(2030, 0, 1, n)).toISOString(),
      count,
    });
    expect(bars([hour(0), hour(2)]).bars.map((bar) => bar.emails)).toEqual([5, 0, 5]);
    const many = bars(Array.from({ length: 24 * 5 }, (_, n) => hour(n)));
    expect(many.unit).toBe("day");
    expect(many.bars.reduce((sum, bar) => sum + bar.emails, 0)).toBe(24 * 5 * 5);
  });

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
});

describe("merge fields", () => {
  it("are called as the API calls them", () => {
    expect(["First Name", "  E-Mail ", "Straße/Nr.", "true", "__"].map(fieldName)).toEqual([
      "first_name",
      "e_mail",
      "straße_nr",
      "true_",
      "",
    ]);
  });

  it("are written with what stands for them", () => {
    expect(placeholder("first_name")).toBe("{{ first_name }}");
    expect(placeholder("first_name", " there ")).toBe('{{ first_name | default: "there" }}');
    expect(placeholder("name", 'the "boss"')).toBe(`{{ name | default: 'the "boss"' }}`);
  });
});

describe("rich text", () => {
  it("has a plain text that reads as it does", () => {
    const html =
      '<h2>News</h2><p>Dear {{ name | default: "you" }},<br>hello &amp; welcome</p><ul><li><p>one</p></li><li><p>two</p></li></ul><p><a href="https://example.com/x">More</a></p>';
    expect(textOf(html)).toBe(
      'News\n\nDear {{ name | default: "you" }},\nhello & welcome\n\n- one\n- two\n\nMore (https://example.com/x)',
    );
    expect(textOf("<ol><li><p>one</p></li><li><p>two</p></li></ol>")).toBe("1. one\n2. two");
  });

  it("begins as the plain text did", () => {
    expect(htmlOf("a < b\nc\n\nd")).toBe("<p>a &lt; b<br>c</p><p>d</p>");
    expect(textOf(htmlOf("a < b\nc\n\nd"))).toBe("a < b\nc\n\nd");
  });
});

describe("a draft", () => {
  it("comes back as it was, for its user alone", () => {
    expect(saveDraft(1, { ...EMPTY, subject: "Hello" })).toBe(true);
    expect(loadDraft(1)?.draft).toEqual({ ...EMPTY, subject: "Hello" });
    expect(loadDraft(2)).toBeNull();
    saveDraft(1, EMPTY);
    expect(loadDraft(1)).toBeNull();
  });

  it("is spread by the lower of both limits", () => {
    expect(delayMs({ ...EMPTY, spread: true }, 100)).toBe(36_000);
    expect(delayMs({ ...EMPTY, spread: true, hourlyLimit: 60 }, 100)).toBe(60_000);
    expect(delayMs({ ...EMPTY, delay: 1.5, delayUnit: "minutes" }, 100)).toBe(90_000);
  });

  it("leaves out what was left empty", () => {
    const fields = fieldsOf({ ...EMPTY, subject: "S", body: "B", html: "<p>x</p>" }, 100);
    expect(fields).toEqual({ subject: "S", body: "B", delayBetweenMs: "0", onUnknown: "hold" });
  });

  it("says what is missing", () => {
    expect(Object.keys(missing({ ...EMPTY, when: "later" }, 0))).toEqual([
      "subject",
      "body",
      "recipients",
      "startTime",
    ]);
  });

  it("keeps the key of an attempt for as long as the same is asked for", () => {
    const first = attemptAt("a", null);
    expect(attemptAt("a", first)).toBe(first);
    expect(attemptAt("b", first).key).not.toBe(first.key);
  });
});
