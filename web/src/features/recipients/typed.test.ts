import { describe, expect, it } from "vitest";
import { csvOfPaste, isTable, parseTyped, typedText } from "./typed";

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

  it("are written so that they read the same", () => {
    const people = [
      { email: "a@x.org" },
      { email: "ada@x.org", name: "Lovelace, Ada" },
      { email: "bob@x.org", name: "Bob <Builder>" },
      { email: "carl@x.org", name: "Carl & Söhne" },
      { email: "nobody" },
    ];
    expect(parseTyped(typedText(people)).map(({ line: _, ...person }) => person)).toEqual(people);
  });
});

describe("a long list that is pasted", () => {
  it("is a file, whatever it was copied from", () => {
    expect(csvOfPaste('Ada "the first" <ada@example.com>\nbob@example.com, <carl@example.com>\n')).toBe(
      'email,name\n"ada@example.com","Ada ""the first"""\n"bob@example.com",""\n"carl@example.com",""',
    );
    expect(csvOfPaste("ada@example.com\nbob@example.com\n")).toBe(
      "email\nada@example.com\nbob@example.com\n",
    );
    expect(csvOfPaste("name\tmail\nAda\tada@example.com\n")).toBe("name\tmail\nAda\tada@example.com\n");
  });
});

describe("cells that are copied from a spreadsheet", () => {
  it("are told by their tabs", () => {
    expect(isTable("Name\tMail\r\nAda\tada@example.com\r\nBob\tBob <bob@example.com>\r\n")).toBe(true);
    expect(isTable("Ada\tada@example.com")).toBe(false);
    expect(isTable("ada@example.com\nbob@example.com")).toBe(false);
    expect(isTable("a@example.com\tb@example.com\nc@example.com")).toBe(false);
  });

  it("stay as they are, whatever is in them", () => {
    const text = "Name\tMail\nAda\tAda <ada@example.com>\n";
    expect(csvOfPaste(text)).toBe(text);
  });
});
