/**
 * Journal log: the one way entries come behind what a journal's subject holds, for the start of a neuron that writes it and
 * for those who submit to it.
 *
 * J1: the append expects the sequence it follows, so of any number that race one is stored.
 */
import { journalOf, signalOf, WrongLastSeqError, type Bus, type SignalOf } from "@myelin/bus";

/** Its sequence once it is stored; null when another entry is in its place. One whose acknowledgement was lost is recognised. */
export async function appendBehind(
  bus: Pick<Bus, "append" | "firstOf">,
  signal: SignalOf<"RUN_EVENT">,
  headSeq: number,
): Promise<number | null> {
  try {
    return (await bus.append(signal, { expectLastSeq: headSeq })).seq;
  } catch (error) {
    if (!(error instanceof WrongLastSeqError)) throw error;
    const subject = journalOf(signal.trace_id, signal.meta.run_id!);
    const next = await bus.firstOf(subject, { fromSeq: headSeq + 1 });
    return signalOf(next)?.id === signal.id ? next!.seq : null;
  }
}
