import { describe, expect, it } from "vitest";
import { readCsv } from "./csv";
import { csvOfPaste, parseTyped, typedDuplicates } from "./typed";

describe("typed recipients", () => {
  it("are a line, a comma or a semicolon apart, with or without a name", () => {
    expect(
      parseTyped('a@x.org, b@x.org;c@x.org\n\n"Lovelace, Ada" <ada@x.org>\nBob <bob@x.org>, nobody'),
    ).toEqual([
      { line: 1, email: "a@x.org" },
      { line: 1, email: "b@x.org" },
      { line: 1, email: "c@x.org" },
      { line: 3, email: "ada@x.org", name: "Lovelace, Ada" },
      { line: 4, email: "bob@x.org", name: "Bob" },
      { line: 4, email: "nobody" },
    ]);
  });

  it("are told when they are there twice", () => {
    expect(typedDuplicates(parseTyped("a@x.org\nA@x.org"))).toEqual([{ row: 2, email: "A@x.org", first: 1 }]);
  });
});

describe("a long list that is pasted", () => {
  const read = (text: string) => readCsv(new TextEncoder().encode(text).buffer as ArrayBuffer, null);

  it("is read as a file, whatever it was copied from", () => {
    const named = read(
      csvOfPaste('Ada "the first" <ada@example.com>\nbob@example.com, <carl@example.com>\n'),
    );
    expect(named.sample.map(({ cells }) => cells)).toEqual([
      ["ada@example.com", 'Ada "the first"'],
      ["bob@example.com", ""],
      ["carl@example.com", ""],
    ]);
    expect(read(csvOfPaste("ada@example.com\nbob@example.com\n")).rows).toBe(2);
    const cells = read(csvOfPaste("name\tmail\nAda\tada@example.com\n"));
    expect(cells.mapping).toEqual({ hasHeader: true, email: 1, fields: ["name", "mail"] });
  });
});
