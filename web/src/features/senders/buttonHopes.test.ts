import { expect, test } from "vitest";
import { buttonHopes } from "./buttonHopes";
import type { Sender } from "./queries";

function sender(
  email: string,
  oneClickSigned: boolean | null | undefined,
  host: string | null = "a.example",
) {
  const checked = oneClickSigned === undefined ? null : { oneClickSigned };
  return { email, host, checked } as Sender;
}

test("what each chosen sender's check told is said, the worst first", () => {
  const told = buttonHopes([
    sender("a@x.example", true),
    sender("b@x.example", false),
    sender("c@x.example", null),
  ]);
  expect(told.map(({ hopes }) => hopes)).toEqual(["bad", "unknown", "good"]);
  expect(told[0]?.text).toMatch(/^b@x.example: its server does not sign/);
  expect(told[1]?.text).toMatch(/^c@x.example: .* until it is checked/);
});

test("a sender that was never checked is not told, and several share a sentence", () => {
  const two = buttonHopes([sender("a@x.example", undefined), sender("b@x.example", null)]);
  expect(two).toHaveLength(1);
  expect(two[0]?.text).toMatch(/^a@x.example, b@x.example: .* until they are checked/);
  const four = buttonHopes(["a", "b", "c", "d"].map((name) => sender(`${name}@x.example`, false)));
  expect(four[0]?.text).toMatch(/^4 of the mailboxes: their servers do not sign/);
});

test("of the fallback server nothing is said", () => {
  expect(buttonHopes([sender("a@x.example", undefined, null)])).toEqual([]);
});
