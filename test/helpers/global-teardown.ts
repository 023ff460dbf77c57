/** After the last test file: stop what the global setup has started. */
import { stopSharedServers } from "./shared-servers.ts";

export default stopSharedServers;
