import { describe, expect, it } from "vitest";
import { CsvError, type Mapping, mappingErrors, readCsv, rowFields } from "./csv";

const bytes = (text: string) => new TextEncoder().encode(text).buffer as ArrayBuffer;
const read = (text: string, mapping: Mapping | null = null) => readCsv(bytes(text), mapping);
const written = (csv: { file: Blob }) =>
  new Promise<string>((resolve) => {
    const reader = new FileReader();
    reader.onload = () => resolve(reader.result as string);
    reader.readAsText(csv.file);
  });

describe("a CSV", () => {
  it("is written anew with the address first, rows where they were", async () => {
    const csv = read('First Name;Kontakt;Note\nAda;ada@example.com;"a, ""b"""\n\nBob;bob@example.com; x\n');
    expect(csv.mapping).toEqual({ hasHeader: true, email: 1, fields: ["first_name", "kontakt", "note"] });
    expect(csv.rows).toBe(2);
    expect(csv.sample.map(({ row }) => row)).toEqual([2, 4]);
    expect((await written(csv)).trimEnd()).toBe(
      'email,first_name,note\r\nada@example.com,Ada,"a, ""b"""\r\n\r\nbob@example.com,Bob," x"',
    );
  });

  it("may be put together from files with different line ends", () => {
    const csv = read("email\r\nada@example.com\r\nbob@example.com\ncarl@example.com\rdora@example.com\n");
    expect(csv.rows).toBe(4);
  });

  it("may have no header", async () => {
    const csv = read("ada@example.com,Ada\nbob@example.com,Bob\n");
    expect(csv.mapping).toEqual({ hasHeader: false, email: 0, fields: ["column_1", "column_2"] });
    expect(csv.sample[0]?.row).toBe(1);
    expect((await written(csv)).split("\r\n").slice(0, 2)).toEqual(["email,column_2", "ada@example.com,Ada"]);
  });

  it("takes the mapping it is given, and leaves columns out", async () => {
    const csv = read("a,b,c\nx,y@example.com,z\n", {
      hasHeader: true,
      email: 1,
      fields: ["", "", "Last one"],
    });
    expect((await written(csv)).trimEnd()).toBe("email,last_one\r\ny@example.com,z");
    expect(rowFields(["x", "y@example.com", "z"], csv.mapping)).toEqual({ last_one: "z" });
  });

  it("prefers a column of addresses to one that only sounds like it", () => {
    expect(read("Mail sent,Contact\nyes,ada@example.com\n").mapping.email).toBe(1);
    expect(read("Contact,E-Mail\nx,ada@example.com\n").mapping.email).toBe(1);
  });

  it("has names of its own for columns that are called alike", () => {
    expect(read("email,Name,name\nada@example.com,a,b\n").mapping.fields).toEqual([
      "email",
      "name",
      "name_2",
    ]);
  });

  it("says which address is there twice", () => {
    const csv = read("email\nada@example.com\nADA@example.com\nnobody\nnobody\n");
    expect(csv.duplicates).toEqual([{ row: 3, email: "ADA@example.com", first: 2 }]);
  });

  it("keeps cells beyond the header, for the API to refuse", async () => {
    expect(await written(read("email,a\nada@example.com,1,2\n"))).toContain("ada@example.com,1,2");
  });

  it("is read in whatever encoding it is", () => {
    const latin = new Uint8Array([...new TextEncoder().encode("email,n\na@example.com,"), 0xfc])
      .buffer as ArrayBuffer;
    expect(readCsv(latin, null)).toMatchObject({
      encoding: "Windows-1252",
      sample: [{ cells: ["a@example.com", "ü"] }],
    });
    const utf16 = new Uint8Array([0xff, 0xfe, ...[..."a@example.com"].flatMap((c) => [c.charCodeAt(0), 0])]);
    expect(readCsv(utf16.buffer as ArrayBuffer, null).sample[0]?.cells).toEqual(["a@example.com"]);
  });

  it("that cannot be understood says why", () => {
    expect(() => read("\n\n")).toThrow(
      new CsvError("The file is empty. It should have one recipient a row."),
    );
    expect(() => read('email,n\nada@example.com,"oops\nbob@example.com,x\n')).toThrow(/never closed/);
  });

  it("tells what is wrong with names", () => {
    const mapping = { hasHeader: true, email: 0, fields: ["x", "A b", "a_b", "email", "--", ""] };
    expect(Object.keys(mappingErrors(mapping))).toEqual(["2", "3", "4"]);
  });

  it("reports how far it is", () => {
    const shares: number[] = [];
    readCsv(bytes(`email\n${"a@example.com\n".repeat(12_000)}`), null, (share) => shares.push(share));
    expect(shares.length).toBe(2);
    expect(shares[0]).toBeGreaterThan(0.3);
  });
});
