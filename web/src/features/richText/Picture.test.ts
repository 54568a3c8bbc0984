import { expect, it } from "vitest";
import { picturesIn } from "./Picture";

it("takes the pictures that mail programs show, and leaves all else where it is", () => {
  const files = ["image/png", "image/svg+xml", "text/plain", "image/webp"].map(
    (type) => new File(["x"], type, { type }),
  );
  const given = { files } as unknown as DataTransfer;
  expect(picturesIn(given).map(({ type }) => type)).toEqual(["image/png", "image/webp"]);
  expect(picturesIn(null)).toEqual([]);
});
