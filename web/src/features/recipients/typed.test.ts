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

  it.each<[string, ...string[]]>([
    ["a@x.de b@x.de c@x.de; d@x.de", "a@x.de", "b@x.de", "c@x.de", "d@x.de"],
    ["a@x.de  \u00a0b@x.de\u3000c@x.de", "a@x.de", "b@x.de", "c@x.de"],
    ["a@x.de，b@x.de；c@x.de、d@x.de", "a@x.de", "b@x.de", "c@x.de", "d@x.de"],
    ["a@x.de, b@x.de c@x.de,", "a@x.de", "b@x.de", "c@x.de"],
    ["<a@x.de><b@x.de> <c@x.de>", "a@x.de", "b@x.de", "c@x.de"],
    ["Ann Lee <a@x.de> Bob Ray <b@x.de>", "Ann Lee|a@x.de", "Bob Ray|b@x.de"],
    ["Ann Lee <a@x.de>Bob <b@x.de>; c@x.de", "Ann Lee|a@x.de", "Bob|b@x.de", "c@x.de"],
    ['"Lee, Ann" <a@x.de> "Ray, Bob" <b@x.de>', "Lee, Ann|a@x.de", "Ray, Bob|b@x.de"],
    ['"ann@home or work" <a@x.de>', "ann@home or work|a@x.de"],
    ["a@x.de Bob <b@x.de> c@x.de", "a@x.de", "Bob|b@x.de", "c@x.de"],
    ["a@x.de <b@x.de>", "a@x.de", "b@x.de"],
    ["a@x.de <A@x.de> b@x.de", "A@x.de", "b@x.de"],
    ["'a@x.de' <a@x.de>; a@x.de <mailto:a@x.de>", "a@x.de", "mailto:a@x.de"],
    ['"a@x.de" "b@x.de" "a@b.de" <a@b.de>', '"a@x.de"', '"b@x.de"', "a@b.de"],
    ["Team <a@x.de, b@x.de>", "Team|a@x.de", "Team|b@x.de"],
    ["a@x.de (Ann Lee)", "a@x.de (Ann Lee)"],
    ["<a@x.de> Ann Lee", "<a@x.de> Ann Lee"],
    ["mailto: a@x.de", "mailto: a@x.de"],
    ['"ann lee"@x.de b@x.de', '"ann lee"@x.de', "b@x.de"],
    // The API refuses these, each with what would be right: nobody knows whether a blank parts or is a slip.
    ["Ann Lee a@x.de Bob Ray b@x.de", "Ann Lee a@x.de", "Bob Ray b@x.de"],
    ["a@x.de and b@x.de", "a@x.de", "and b@x.de"],
    ["Ann <a@x.de Bob <b@x.de>", "Ann <a@x.de", "Bob|b@x.de"],
    ["ann @ x.de", "ann @ x.de"],
    ["nobody at all", "nobody at all"],
  ])("of %j are as many as there are addresses", (text, ...people) => {
    const read = parseTyped(text).map(({ email, name }) => (name ? `${name}|${email}` : email));
    expect(read).toEqual(people);
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
    expect(csvOfPaste("ada@example.com\nbob@example.com carl@example.com\n")).toBe(
      'email\n"ada@example.com"\n"bob@example.com"\n"carl@example.com"',
    );
    expect(csvOfPaste("ada@example.com, bob@example.com; carl@example.com")).toBe(
      'email\n"ada@example.com"\n"bob@example.com"\n"carl@example.com"',
    );
    expect(csvOfPaste("ada@example.com,Ada\nbob@example.com,Bob")).toBe(
      "ada@example.com,Ada\nbob@example.com,Bob",
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
