/** Pieces: two ways to make the stream of pieces a provider answers with. */

import type { ModelPiece } from "./model-neuron.ts";

/** An answer that came whole. */
export async function* onePiece(piece: ModelPiece): AsyncGenerator<ModelPiece> {
  yield piece;
}

/** A streamed answer, in our words. Ends, and fails, as the vendor's stream does; leaving it early closes that. */
export async function* mapPieces<T>(
  stream: AsyncIterable<T>,
  toPiece: (part: T) => ModelPiece,
): AsyncGenerator<ModelPiece> {
  for await (const part of stream) yield toPiece(part);
}
