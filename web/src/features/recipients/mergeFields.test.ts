import { describe, expect, it } from "vitest";
import { fieldName, placeholder } from "./mergeFields";

describe("merge fields", () => {
  it("are called as the API calls them", () => {
    expect(
      ["First Name", "  E-Mail ", "Straße/Nr.", "true", "__", "ชื่อ", "नाम", "For"].map(fieldName),
    ).toEqual(["first_name", "e_mail", "straße_nr", "true_", "", "ชื่อ", "नाम", "for_"]);
  });

  it("are written with what stands for them", () => {
    expect(placeholder("first_name")).toBe("{{ first_name }}");
    expect(placeholder("first_name", " there ")).toBe('{{ first_name | default: "there" }}');
    expect(placeholder("name", 'the "boss"')).toBe(`{{ name | default: 'the "boss"' }}`);
  });
});
