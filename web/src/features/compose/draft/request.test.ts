import { describe, expect, it } from "vitest";
import { type Content, type Draft, EMPTY, laterStep } from "./draft";
import { delayMs, missing, quotedBy, requestOf, testOf } from "./request";

const ONE = { leastLimit: 100, count: 1 };
const [first] = EMPTY.steps;
const written = (content: Partial<Content>, others: Partial<Draft> = {}): Draft => ({
  ...EMPTY,
  ...others,
  steps: [{ ...first, content: { ...first.content, ...content } }],
});

const NOTHING_BESIDE = { replyTo: null, headers: {}, cc: [], bcc: [], attachments: [] };

describe("a draft, as the API takes it,", () => {
  it("is spread by the lower of both limits", () => {
    const { timing } = EMPTY;
    expect(delayMs({ ...timing, spread: true }, ONE)).toBe(36_000);
    expect(delayMs({ ...timing, delay: "1.5" }, ONE)).toBe(1_500);
    expect(delayMs({ ...timing, delay: "" }, ONE)).toBe(0);
    expect(delayMs({ ...timing, delay: "." }, ONE)).toBe(0);
    expect(delayMs({ ...timing, spread: true, hourlyLimit: 60 }, ONE)).toBe(60_000);
    expect(delayMs({ ...timing, delay: 1.5, delayUnit: "minutes" }, ONE)).toBe(90_000);
  });

  it("is spread by each mailbox's part of the campaign's limit", () => {
    const { timing } = EMPTY;
    const three = { leastLimit: 100, count: 3 };
    expect(delayMs({ ...timing, spread: true, hourlyLimit: 90 }, three)).toBe(120_000);
    expect(delayMs({ ...timing, spread: true, hourlyLimit: 900 }, three)).toBe(36_000);
  });

  it("names its list, and nothing that was left empty", () => {
    const columns = { hasHeader: true, email: 0, fields: ["email"] };
    const draft = written({ subject: "S", body: "B", html: "<p>x</p>" });
    expect(requestOf(draft, { named: { listId: 5, columns } }, ONE)).toEqual({
      subject: "S",
      body: "B",
      bodyHtml: null,
      language: null,
      unsubscribe: null,
      ...NOTHING_BESIDE,
      ifBlank: {},
      name: null,
      senderIds: null,
      startTime: null,
      latestAt: null,
      calendar: null,
      delayBetweenMs: 0,
      jitterPercent: 0,
      hourlyLimit: null,
      onUnknown: "hold",
      notIfWrittenToDays: null,
      notInCampaigns: null,
      listId: 5,
      columns,
    });
  });

  it("says what goes along, files by their ids", () => {
    const pdf = { id: 7, name: "a.pdf", size: 3, warning: null };
    const draft = written({
      replyTo: " me@example.com ",
      headers: [
        { name: "X-Deal ", value: "7" },
        { name: "", value: "" },
      ],
      cc: ["a@example.com"],
      attachments: [pdf],
    });
    expect(requestOf(draft, { named: null }, ONE)).toMatchObject({
      replyTo: "me@example.com",
      headers: { "X-Deal": "7" },
      cc: ["a@example.com"],
      bcc: [],
      attachments: [7],
    });
  });

  it("says when later steps leave, what they quote, and whom an answer stops", () => {
    const draft = written({ subject: "S", body: "B" });
    const quoting = { ...laterStep("2"), timeOfDay: "09:30", quotes: true };
    const apart = { ...laterStep("3"), inThread: false, quotes: true };
    const steps: Draft["steps"] = [draft.steps[0], quoting, apart];
    const following = { ...EMPTY.following, stopOnDomain: true };
    const asked = requestOf({ ...draft, steps, following }, { named: null }, ONE);
    expect(asked.steps).toMatchObject([
      { wait: "P3D", businessDays: true, timeOfDay: "09:30", quotes: true, subject: null },
      { timeOfDay: null, quotes: false },
    ]);
    expect(asked.stopOn).toEqual({ autoReply: false, domain: true });
    expect(quotedBy({ ...draft, steps }, quoting)).toEqual({ body: "B", bodyHtml: null });
    expect(quotedBy({ ...draft, steps }, apart)).toBeNull();
  });

  it("has variants of its steps, and says what they lack", () => {
    const own = written({ subject: "S", body: "B" }).steps[0];
    const other = { id: "v", weight: "3", content: { ...own.content, subject: "T", body: "C" } };
    const steps: Draft["steps"] = [
      { ...own, variants: [other] },
      { ...laterStep("2"), weight: 2, variants: [{ ...other, content: EMPTY.steps[0].content }] },
    ];
    const asked = requestOf({ ...EMPTY, steps }, { named: null }, ONE);
    expect(asked).toMatchObject({
      weight: 1,
      variants: [{ weight: 3, subject: "T", body: "C", bodyHtml: null }],
      steps: [{ weight: 2, variants: [{ weight: 3, subject: null, body: "" }] }],
    });
    expect(Object.keys(missing({ ...EMPTY, steps }, 1))).toEqual([
      "steps[1].content.body",
      "steps[1].variants[0].content.body",
    ]);
  });

  it("names the senders that were chosen, whether or not they are known already", () => {
    const draft = written({ subject: "S" }, { senderIds: [7, 9] });
    expect(requestOf(draft, { named: null }, { leastLimit: undefined, count: 2 }).senderIds).toEqual([7, 9]);
  });

  it("says what is missing", () => {
    const later: Draft = { ...EMPTY, timing: { ...EMPTY.timing, when: "later" } };
    expect(Object.keys(missing(later, 0))).toEqual([
      "steps[0].content.subject",
      "steps[0].content.body",
      "audience",
      "timing.startTime",
    ]);
  });

  it("says of blanks only what one of its texts asks for", () => {
    const send = { do: "send", text: "" } as const;
    const ifBlank = { firma: send, city: send, name: send };
    const draft = written({ subject: "{{ firma }}", body: "name: {% if x %}{{ y }}{% endif %}", ifBlank });
    expect(requestOf(draft, { named: null }, ONE).ifBlank).toEqual({ firma: send });
    const later = laterStep("2");
    const steps = [
      ...draft.steps,
      { ...later, content: { ...later.content, body: "{{ city | default: 'x' }}" } },
    ];
    const both = { ...draft, steps: steps as typeof draft.steps };
    expect(requestOf(both, { named: null }, ONE).ifBlank).toEqual({ firma: send, city: send });
    expect(testOf(both, steps[1]?.content ?? later.content, undefined, "none").ifBlank).toEqual({
      city: send,
    });
  });

  it("says what a text weighs only where there are others", () => {
    const draft = { ...written({ subject: "S", body: "B" }), steps: [EMPTY.steps[0], laterStep("2")] };
    expect(requestOf(draft as Draft, { named: null }, ONE).steps?.[0]).not.toHaveProperty("weight");
  });

  it("is tested from its sender, at once", () => {
    const draft = written({ subject: "S", body: "B" }, { senderIds: [7] });
    const ada = { email: "ada@example.com", fields: { name: "Ada" } };
    expect(testOf(draft, draft.steps[0].content, ada, "link")).toEqual({
      subject: "S",
      body: "B",
      bodyHtml: null,
      language: null,
      unsubscribe: "link",
      ...NOTHING_BESIDE,
      ifBlank: {},
      name: "Test: S",
      senderId: 7,
      fields: { name: "Ada" },
      afterSeconds: 0,
    });
    expect(testOf(draft, draft.steps[0].content, ada, "link", 2).afterSeconds).toBe(120);
  });
});
