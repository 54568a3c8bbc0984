import { expect, it } from "vitest";
import { device } from "./device";

it("names browser and system", () => {
  const chrome =
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36";
  expect(device(chrome)).toBe("Chrome on Linux");
  expect(device(`${chrome.replace("X11; Linux x86_64", "Windows NT 10.0")} Edg/140.0`)).toBe(
    "Edge on Windows",
  );
  expect(
    device(
      "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 Version/18.0 Mobile Safari/604.1",
    ),
  ).toBe("Safari on iOS");
  expect(device("Mozilla/5.0 (Macintosh; Intel Mac OS X 15.1; rv:140.0) Gecko/20100101 Firefox/140.0")).toBe(
    "Firefox on macOS",
  );
});

it("shows what it does not know as it is", () => {
  expect(device("curl/8.10")).toBe("curl");
  expect(device("ourJob 1.0")).toBe("ourJob 1.0");
  expect(device("")).toBe("An unnamed program");
});
