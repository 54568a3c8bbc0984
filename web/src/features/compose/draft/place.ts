/** Where drafts lie in this browser. Apart from what they are, since whoever logs out needs no more than this. */

/** `owner`: person and workspace. */
export const place = (owner: string) => `reachinbox.draft.${owner}`;

/** Which of the server's drafts it is. */
export const placeOnServer = (owner: string) => `${place(owner)}.server`;

/** The drafts of a person in all of their workspaces. */
export function dropAllOf(userId: number): void {
  try {
    for (const key of Object.keys(localStorage))
      if (key.startsWith(place(`${userId}.`))) localStorage.removeItem(key);
  } catch {
    // a browser that keeps nothing
  }
}
