import { expect, test } from "vitest";
import { nextUnread, stepped } from "./walk";

const responses = [
  { id: 9, readAt: null },
  { id: 7, readAt: "2026-11-27T10:00:00Z" },
  { id: 5, readAt: null },
];

test("one goes down and up, and not beyond an end", () => {
  expect(stepped(responses, undefined, 1)).toBe(9);
  expect(stepped(responses, 9, 1)).toBe(7);
  expect(stepped(responses, 7, -1)).toBe(9);
  expect(stepped(responses, 9, -1)).toBeUndefined();
  expect(stepped(responses, 5, 1)).toBeUndefined();
  expect(stepped([], undefined, 1)).toBeUndefined();
});

test("from one that has left the list, as it was read, one goes on where it stood", () => {
  expect(stepped(responses, 8, 1, 1)).toBe(7);
  expect(stepped(responses, 8, -1, 1)).toBe(9);
  expect(stepped(responses, 4, 1, 3)).toBeUndefined();
  expect(stepped(responses, 10, -1, 0)).toBeUndefined();
  expect(nextUnread(responses, 8, 1)).toBe(5);
  expect(nextUnread(responses, 4, 3)).toBe(9);
});

test("the next unread one is further down, else at the top, and never the same", () => {
  expect(nextUnread(responses, undefined)).toBe(9);
  expect(nextUnread(responses, 9)).toBe(5);
  expect(nextUnread(responses, 5)).toBe(9);
  expect(nextUnread([{ id: 9, readAt: null }], 9)).toBeUndefined();
});
