import { expect, test } from "vitest";
import { nameOf, typedNames } from "./words";

test("what is typed is told apart: addresses, and domains in any way that people write them", () => {
  expect(
    typedNames("ada@example.com, bob@example.org;\n example.net\n@mail.example\n*@example.info "),
  ).toEqual({
    emails: ["ada@example.com", "bob@example.org"],
    domains: ["example.net", "mail.example", "example.info"],
  });
  expect(typedNames("'ada@example.com ada＠example.com '@example.com '*@example.org")).toEqual({
    emails: ["'ada@example.com", "ada＠example.com"],
    domains: ["example.com", "example.org"],
  });
  expect(typedNames(" \n")).toEqual({ emails: [], domains: [] });
});

test("a suppression is called by what it is of", () => {
  expect(nameOf({ email: "ada@example.com", domain: null })).toBe("ada@example.com");
  expect(nameOf({ email: null, domain: "example.com" })).toBe("All of example.com");
  expect(nameOf({ email: null, domain: null })).toBe("(erased)");
});
