// Keeps uploaded pictures in the browser, so that addresses with a picture survive reloads and the back button.

const DATABASE = "cover-search";
const STORE = "pictures";
/** The number of pictures to keep; the oldest are removed. */
const KEPT = 50;

export interface StoredPicture {
  id: string;
  blob: Blob;
  name: string;
  addedAt: number;
}

/** The browser no longer has the picture of an address, or never had it. */
export class PictureMissing extends Error {}

/** The file of the picture has no content. */
export class PictureEmpty extends Error {}

// Pictures of this tab also work in browsers that refuse to store them, such as in private windows.
const recent = new Map<string, StoredPicture>();
const urls = new Map<string, string>();

export async function addPicture(file: Blob, name: string): Promise<StoredPicture> {
  // The bytes are copied, because the file may change or vanish, as the photographs of some phones do.
  const bytes = await file.arrayBuffer().catch(() => null);
  const blob = new Blob(bytes === null ? [] : [bytes], { type: file.type });
  const picture = { id: randomId(), blob, name, addedAt: Date.now() };
  // The search then says that the picture is missing; a folder cannot be read, for example.
  if (bytes === null) return picture;
  recent.set(picture.id, picture);
  await inStore("readwrite", (store) => store.put(picture)).catch(() => undefined);
  await removeOldest().catch(() => undefined);
  return picture;
}

export async function readPicture(id: string): Promise<StoredPicture> {
  const kept = recent.get(id) ?? (await inStore<StoredPicture | undefined>("readonly", (store) => store.get(id)).catch(() => undefined));
  if (kept === undefined) throw new PictureMissing("the picture is not kept in this browser");
  recent.set(id, kept);
  return kept;
}

/** Return the bytes of a picture to search with. */
export async function readBytes(id: string): Promise<Blob> {
  const { blob } = await readPicture(id);
  if (!blob.size) throw new PictureEmpty("the file is empty");
  return blob;
}

/** Return an address under which the page can show the picture. */
export function urlOf(picture: StoredPicture): string {
  const url = urls.get(picture.id) ?? URL.createObjectURL(picture.blob);
  urls.set(picture.id, url);
  return url;
}

function randomId(): string {
  // `crypto.randomUUID` exists only on pages with TLS or on localhost.
  return Array.from(crypto.getRandomValues(new Uint8Array(12)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

async function removeOldest(): Promise<void> {
  const all = await inStore<StoredPicture[]>("readonly", (store) => store.getAll());
  // Pictures of the future were added while the clock was wrong; otherwise they would displace all new ones.
  const age = ({ addedAt }: StoredPicture): number => (addedAt > Date.now() ? Infinity : Date.now() - addedAt);
  const oldest = all.sort((a, b) => (age(a) < age(b) ? -1 : 1)).slice(KEPT);
  for (const picture of oldest) await inStore("readwrite", (store) => store.delete(picture.id));
}

async function inStore<T>(mode: IDBTransactionMode, act: (store: IDBObjectStore) => IDBRequest): Promise<T> {
  const database = await openDatabase();
  try {
    return await settled<T>(act(database.transaction(STORE, mode).objectStore(STORE)));
  } finally {
    database.close();
  }
}

function openDatabase(): Promise<IDBDatabase> {
  const opening = indexedDB.open(DATABASE, 1);
  opening.onupgradeneeded = () => opening.result.createObjectStore(STORE, { keyPath: "id" });
  return settled<IDBDatabase>(opening);
}

function settled<T>(request: IDBRequest): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result as T);
    request.onerror = () => reject(request.error ?? new Error("IndexedDB failed"));
  });
}
