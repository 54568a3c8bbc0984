/** The chosen file of a draft, kept in this browser's IndexedDB: one for each user. */

const NAME = "reachinbox";
const STORE = "files";

function run<T>(mode: IDBTransactionMode, work: (store: IDBObjectStore) => IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const opening = indexedDB.open(NAME, 1);
    opening.onupgradeneeded = () => opening.result.createObjectStore(STORE);
    opening.onerror = () => reject(opening.error);
    opening.onsuccess = () => {
      const database = opening.result;
      const transaction = database.transaction(STORE, mode);
      const request = work(transaction.objectStore(STORE));
      transaction.oncomplete = () => {
        database.close();
        resolve(request.result);
      };
      transaction.onabort = () => {
        database.close();
        reject(transaction.error);
      };
    };
  });
}

/** Whether it could be kept. */
export async function keepFile(userId: number, file: File): Promise<boolean> {
  try {
    await run("readwrite", (store) => store.put(file, userId));
    return true;
  } catch {
    return false; // too large for what this browser gives us, or it keeps nothing
  }
}

export async function keptFile(userId: number): Promise<File | null> {
  try {
    return (await run<File | undefined>("readonly", (store) => store.get(userId))) ?? null;
  } catch {
    return null;
  }
}

export async function dropFile(userId: number): Promise<void> {
  try {
    await run("readwrite", (store) => store.delete(userId));
  } catch {
    // then nothing was kept either
  }
}
