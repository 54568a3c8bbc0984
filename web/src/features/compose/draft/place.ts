/** Where drafts lie in this browser. Apart from what they are, since logging out needs no more than this. */

/** `owner`: person and workspace. */
export const place = (owner: string) => `reachinbox.draft.${owner}`;

/** The place of what is known of the server's draft. */
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
