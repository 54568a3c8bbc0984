// @vitest-environment jsdom
import { MantineProvider } from "@mantine/core";
import { act, fireEvent, render, screen, waitFor } from "@testing-library/react";
import { expect, test, vi } from "vitest";
import { type KeptFile, sayThatItIsLeft } from "@/features/richText/files";
import { changed } from "../draft/changes";
import { EMPTY } from "../draft/draft";
import { BesideFields } from "./BesideFields";

const { upload } = vi.hoisted(() => ({ upload: vi.fn() }));
vi.mock("@/features/richText/files", async (original) => ({
  ...(await original<object>()),
  sayThatItIsLeft: vi.fn(),
  useUploads: () => ({ pending: false, error: undefined, add: upload }),
}));

const TERMS = { id: 9, name: "terms.txt", size: 5, warning: null };
const [{ id: step, content }] = EMPTY.steps;

test.each([true, false])(
  "a file that comes after its field was left is the draft's, if that is here: %s",
  async (isTaken) => {
    vi.mocked(sayThatItIsLeft).mockClear();
    let arrive = (_: KeptFile) => {};
    upload.mockReturnValueOnce(
      new Promise<KeptFile>((resolve) => {
        arrive = resolve;
      }),
    );
    const onAttach = vi.fn(() => isTaken);
    const { unmount } = render(
      <MantineProvider env="test">
        <BesideFields content={content} onChange={() => {}} onAttach={onAttach} errors={{}} />
      </MantineProvider>,
    );
    const file = new File(["Terms"], "terms.txt");
    fireEvent.change(screen.getByLabelText("Files to attach"), { target: { files: [file] } });
    await waitFor(() => expect(upload).toHaveBeenCalledWith(file));
    unmount(); // a variant is shown, or another tab has saved
    await act(async () => arrive({ ...TERMS, isImage: false } as KeptFile));
    expect(onAttach).toHaveBeenCalledWith(TERMS);
    expect(vi.mocked(sayThatItIsLeft).mock.calls.length).toBe(isTaken ? 0 : 1);
    upload.mockReset();
  },
);

test("it comes to the files that are there by then", () => {
  const one = changed(EMPTY, { kind: "attach", step, file: TERMS });
  const two = changed(one, { kind: "attach", step, file: { ...TERMS, id: 10 } });
  expect(two.steps[0].content.attachments.map(({ id }) => id)).toEqual([9, 10]);
});
