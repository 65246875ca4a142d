// Counts the albums that are at least as similar as a minimum, as far as the loaded results tell.

import { type Address, readAddress, writeAddress } from "../../shell/address";
import type { SearchState } from "../use_search";

export interface SimilarCount {
  count: number;
  /** Whether no other album is as similar; otherwise more results may follow. */
  isAll: boolean;
}

/** Count the albums of a search with at least a similarity; return null if the results are those of another search. */
export function countSimilar({ shown, matches, end }: SearchState, address: Address, least: number): SimilarCount | null {
  if (shown === null) return null;
  const loaded = readAddress(shown);
  if (withoutMinimum(loaded) !== withoutMinimum(address)) return null;
  const count = matches.filter(({ similarity }) => similarity >= least).length;
  const isRanked = loaded.minSimilarity === null || loaded.minSimilarity <= least;
  // The most similar albums are loaded first.
  return { count, isAll: isRanked && (end === "exhausted" || count < matches.length) };
}

function withoutMinimum(address: Address): string {
  return writeAddress({ ...address, minSimilarity: null, album: null, code: false });
}
