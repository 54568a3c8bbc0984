/** Files that go along with messages, on their way to the server. */

import { notifications } from "@mantine/notifications";
import { type RefObject, useEffect, useRef, useState } from "react";
import { request } from "@/api/client";
import { ApiProblem, sentence } from "@/api/problem";
import type { components } from "@/api/schema";

export type KeptFile = components["schemas"]["KeptFile"];

/** Of attachments and pictures of one message together. */
export const MOST_BYTES = 10_000_000;

/** Throws ApiProblem. */
export async function uploadFile(file: File): Promise<KeptFile> {
  const form = new FormData();
  form.append("file", file, file.name);
  const response = await request(new Request("/api/files", { method: "POST", body: form }));
  return response.json();
}

export interface Uploads {
  pending: boolean;
  error: string | undefined;
  /** undefined: it did not come to be kept, and `error` says why. */
  add: (file: File) => Promise<KeptFile | undefined>;
}

export function useUploads(): Uploads {
  const [running, setRunning] = useState(0);
  const [error, setError] = useState<string>();
  const add = async (file: File) => {
    setError(undefined);
    if (file.size > MOST_BYTES) {
      setError(`${file.name} is larger than 10 MB, which is the most of a message.`);
      return undefined;
    }
    setRunning((before) => before + 1);
    try {
      return await uploadFile(file);
    } catch (failure) {
      const why = failure instanceof ApiProblem ? failure.errors.file : undefined;
      setError(sentence(why ? new Error(why) : failure));
      return undefined;
    } finally {
      setRunning((before) => before - 1);
    }
  };
  return { pending: running > 0, error, add };
}

/** Whether the field that a file is for is here still: another draft may be, or another page. */
export function useHere(): RefObject<boolean> {
  const isHere = useRef(true);
  useEffect(() => {
    isHere.current = true;
    return () => {
      isHere.current = false;
    };
  }, []);
  return isHere;
}

export function sayThatItIsLeft({ name }: File): void {
  notifications.show({
    color: "red",
    title: `${name} goes along with nothing`,
    message: "What it was meant for was left before it was uploaded.",
    autoClose: 10_000,
  });
}

/** Pictures to be shown in the text: `show` gets each once it is kept. */
export function usePictures(show: (src: string, alt: string) => void): Uploads {
  const uploads = useUploads();
  const [refused, setRefused] = useState<string>();
  const isHere = useHere();
  const add = async (file: File) => {
    setRefused(undefined);
    const kept = await uploads.add(file);
    if (kept && !kept.isImage) {
      setRefused(`${file.name} is no picture that mail programs show: PNG, JPEG, GIF or WebP.`);
      return undefined;
    }
    if (kept && !isHere.current) sayThatItIsLeft(file);
    else if (kept) show(`/api/files/${kept.id}`, kept.name.replace(/\.[^.]*$/, ""));
    return kept;
  };
  return { pending: uploads.pending, error: refused ?? uploads.error, add };
}
