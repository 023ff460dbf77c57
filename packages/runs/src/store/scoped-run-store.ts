/** ScopedRunStore: the runs of one tenant. Whatever is asked of it, rows of others are not there (H1). */
import type { RunReader } from "./reader.ts";
import { RunQueries } from "./run-queries.ts";

/** Made by `RunStore.for`, whose connections it uses; it has nothing to close. */
export class ScopedRunStore extends RunQueries {
  /** Null: the runs that have no tenant. */
  readonly tenantId: string | null;

  constructor(reader: RunReader, tenantId: string | null) {
    super({ ...reader, tenant: tenantId ?? "" });
    this.tenantId = tenantId;
  }
}
