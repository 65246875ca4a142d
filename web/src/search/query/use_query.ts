// Edits the query: words, which are searched for once typing pauses, and the other parts.

import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";

import type { Part } from "../../client/search";
import { addPicture } from "../../pictures/store";
import { PARTS_MAX } from "../../shell/address";
import { useNavigation } from "../../shell/navigation";

/** The pause in typing after which the search starts. */
const PAUSE_MS = 350;

export interface QueryEditor {
  parts: readonly Part[];
  /** The words in the field, which may not be a part yet. */
  draft: string;
  /** Whether parts are shown beside the words in the field. */
  hasChips: boolean;
  type: (text: string) => void;
  /** Search for the words in the field now. */
  finish: () => void;
  /** Keep the words in the field as a part, and empty the field. */
  pin: () => void;
  /** Make what is typed next a new entry of the history. */
  endPhrase: () => void;
  change: (parts: readonly Part[]) => void;
  addPictures: (files: readonly File[]) => Promise<void>;
}

export function useQuery(): QueryEditor {
  const { parts, own, open, draft, setDraft, submit, submitLater, endPhrase, show, go } = useWords();
  const pin = (): void => {
    submit(draft);
    endPhrase();
    show([]);
  };
  return {
    parts,
    draft,
    hasChips: parts.length > 1 || (parts.length === 1 && open === null) || parts.some((part) => part.weight !== 1),
    type: (text) => {
      setDraft(text);
      submitLater(text);
    },
    finish: () => {
      submit(draft);
      endPhrase();
      if (parts.length > 1) show([]);
    },
    pin,
    endPhrase,
    change: (next) => {
      endPhrase();
      show(next);
      go(next);
    },
    addPictures: async (files) => {
      submit(draft);
      const stored = await Promise.all(files.slice(0, PARTS_MAX).map((file) => addPicture(file, file.name || "picture")));
      endPhrase();
      const added = stored.map(({ id }): Part => ({ kind: "image", id, weight: 1 }));
      go([...own.current, ...added].slice(0, PARTS_MAX));
    },
  };
}

/** Return the words in the field, the part that they belong to, and functions that put parts into the address. */
function useWords() {
  const { address, go: navigate } = useNavigation();
  const { parts } = address;
  // The index of the part that the field edits; other parts are only chips.
  const [open, setOpen] = useState<number | null>(() => indexOfOnlyText(parts));
  const [draft, setDraft] = useState(() => textAt(parts, open));
  const own = useRef<readonly Part[]>(parts);
  const isTyping = useRef(false);
  const show = (shown: readonly Part[]): void => {
    const index = indexOfOnlyText(shown);
    setOpen(index);
    setDraft(textAt(shown, index));
  };
  const go = (next: readonly Part[], options?: { replace?: boolean }): void => {
    own.current = next;
    navigate({ view: "search", parts: next, album: null, code: false }, options);
  };
  const endPhrase = (): void => {
    isTyping.current = false;
  };
  const submit = (text: string): void => {
    pause.end();
    const edited = withWords(own.current, open, text);
    if (edited === null) return;
    setOpen(edited.open);
    // One phrase is one entry of the history, however many pauses its typing had.
    go(edited.parts, { replace: isTyping.current });
    isTyping.current = true;
  };
  // The search of the typed words waits while a dialog is open, because it would close the dialog.
  const pause = usePause(() => submit(draft), address.album !== null || address.code);
  // The address has changed by a link, the back button or a chip.
  useEffect(() => {
    if (own.current === parts || same(own.current, parts)) return;
    own.current = parts;
    pause.end();
    endPhrase();
    show(parts);
  }, [parts]);
  const submitLater = (text: string): void => pause.begin(() => submit(text));
  return { parts, own, open, draft, setDraft, submit, submitLater, endPhrase, show, go };
}

interface Pause {
  begin: (atEnd: () => void) => void;
  end: () => void;
}

/** Return a pause, which begins again with `resumed` when nothing holds it any more. */
function usePause(resumed: () => void, isHeld: boolean): Pause {
  const timer = useRef(0);
  const end = (): void => clearTimeout(timer.current);
  const begin = (atEnd: () => void): void => {
    end();
    timer.current = setTimeout(atEnd, PAUSE_MS);
  };
  // Before a key can be pressed: a later start would replace the pause of what is typed first.
  useLayoutEffect(() => {
    if (!isHeld) begin(resumed);
    return end;
  }, [isHeld]);
  return { begin, end };
}

/** Return the parts with other words in the part that the field edits, or null if nothing changes. */
function withWords(
  parts: readonly Part[],
  open: number | null,
  words: string,
): { parts: readonly Part[]; open: number | null } | null {
  const text = words.trim().replace(/\s+/g, " ");
  const others = parts.filter((_, index) => index !== open);
  if (text === textAt(parts, open) || (text && others.length >= PARTS_MAX)) return null;
  if (!text) return { parts: others, open: null };
  const at = open ?? others.length;
  const weight = (open === null ? undefined : parts[open])?.weight ?? 1;
  return { parts: [...others.slice(0, at), { kind: "text", text, weight }, ...others.slice(at)], open: at };
}

function indexOfOnlyText(parts: readonly Part[]): number | null {
  return parts.length === 1 && parts[0]?.kind === "text" && parts[0].weight === 1 ? 0 : null;
}

function textAt(parts: readonly Part[], index: number | null): string {
  const part = index === null ? undefined : parts[index];
  return part?.kind === "text" ? part.text : "";
}

function same(first: readonly Part[], second: readonly Part[]): boolean {
  return JSON.stringify(first) === JSON.stringify(second);
}
