/**
 * The variants that a tuning found best, kept in IndexedDB for the pages of one origin. What has files
 * keeps them with tune/variant-files.ts.
 */
import { checkObject, checkText } from "../gpu/arguments.ts";
import { IoError, UsageError } from "../gpu/errors.ts";
import type { VariantChoices } from "../gpu/variant-table.ts";
import {
  checkOwner,
  keptTable,
  ownerKey,
  type TableOwner,
  type TunedTable,
  tableIn,
} from "./variant-files.ts";

/** Name of the database, of its store, and the version that has the store. */
const DATABASE = "latentgrad";
const STORE = "variants";
const VERSION = 1;

/**
 * The variants that are kept for a device's adapter and the optional features it was opened with:
 * `device.variants.insert(await loadVariants(device))`. Empty where there are none, or none that can
 * be read: without them the kernels' heuristics choose.
 *
 * @throws UsageError for what is no device, and where there is no IndexedDB, which is outside of pages
 */
export async function loadVariants(owner: TableOwner): Promise<VariantChoices> {
  checkOwner("loadVariants", owner);
  return (await loadTable(owner)).choices;
}

/** The same with all that was measured. */
export async function loadTable(owner: TableOwner): Promise<TunedTable> {
  const factory = indexedDatabases(owner);
  const kept = inStore(factory, "readonly", (store) => store.get(ownerKey(owner)));
  return tableIn(await kept.catch(() => undefined), owner);
}

/**
 * Keeps variants for a device's adapter and optional features, in place of those that were kept
 * for them.
 *
 * @throws UsageError for what is no device or no table, and where there is no IndexedDB, which is outside of pages
 * @throws IoError where the browser does not let this page keep anything
 */
export async function saveVariants(owner: TableOwner, choices: VariantChoices): Promise<void> {
  const op = "saveVariants";
  checkOwner(op, owner);
  checkObject(op, "choices", choices, []);
  for (const [key, variant] of Object.entries(choices))
    checkText(op, `choices["${key}"]`, variant, "the name of a variant");
  await saveTable(owner, { choices, measured: {} });
}

/** The same with all that was measured. */
export async function saveTable(owner: TableOwner, table: TunedTable): Promise<void> {
  const factory = indexedDatabases(owner);
  const kept = keptTable(owner, table);
  try {
    await inStore(factory, "readwrite", (store) => store.put(kept, ownerKey(owner)));
  } catch (error) {
    throw new IoError(`IndexedDB does not keep the variants: ${(error as Error).message}`);
  }
}

function indexedDatabases({ adapter }: TableOwner): IDBFactory {
  const { indexedDB } = globalThis as { indexedDB?: IDBFactory };
  if (!indexedDB)
    throw new UsageError(
      `there is no IndexedDB in ${adapter.runtime}: only a page keeps variants there`,
    );
  return indexedDB;
}

/** Carries out one request; what it writes is there when the promise resolves. */
async function inStore<T>(
  factory: IDBFactory,
  mode: IDBTransactionMode,
  body: (store: IDBObjectStore) => IDBRequest<T>,
): Promise<T> {
  const database = await open(factory);
  try {
    return await new Promise<T>((resolve, reject) => {
      const transaction = database.transaction(STORE, mode);
      const request = body(transaction.objectStore(STORE));
      transaction.oncomplete = () => resolve(request.result);
      transaction.onabort = () => reject(transaction.error ?? new Error("broken off"));
    });
  } finally {
    database.close();
  }
}

function open(factory: IDBFactory): Promise<IDBDatabase> {
  return new Promise((resolve, reject) => {
    const request = factory.open(DATABASE, VERSION);
    request.onupgradeneeded = () => request.result.createObjectStore(STORE);
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
    request.onblocked = () => reject(new Error("another page holds an older version of it"));
  });
}
