import { expect, it } from "vitest";
import { textOfFile } from "./fileText";

const file = (...bytes: number[]) => new Blob([new Uint8Array(bytes)]);

it("reads UTF-8 with a mark or without, and UTF-16 that says so", async () => {
  expect(await textOfFile(file(0xc3, 0xbc, 0x2c))).toBe("ü,");
  expect(await textOfFile(file(0xef, 0xbb, 0xbf, 0xc3, 0xbc))).toBe("ü");
  expect(await textOfFile(file(0xff, 0xfe, 0xfc, 0x00, 0x2c, 0x00))).toBe("ü,");
  expect(await textOfFile(file(0xfe, 0xff, 0x00, 0xfc))).toBe("ü");
});

it("guesses no other encoding, for a password read wrongly would be tried", async () => {
  await expect(textOfFile(file(0x4d, 0xfc, 0x6c))).rejects.toThrow("CSV UTF-8"); // Windows-1252
  await expect(textOfFile(file(0x50, 0x4b, 0x03, 0x04, 0x80))).rejects.toThrow("CSV UTF-8"); // a workbook
});
