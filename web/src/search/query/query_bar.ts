// The search field: words, which are searched for once typing pauses, and pictures that are chosen, dropped or pasted.

import type { VNode } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";

import type { Part } from "../../client/search";
import { html } from "../../html";
import { addPicture } from "../../pictures/store";
import { PARTS_MAX, TEXT_MAX_CHARS } from "../../shell/address";
import { Icon } from "../../shell/icons";
import { useNavigation } from "../../shell/navigation";
import { Parts } from "./part_chips";
import { useDroppedPictures } from "./use_dropped_pictures";

/** The pause in typing after which the search starts. */
const PAUSE_MS = 350;

export function QueryBar({ isStart }: { isStart: boolean }): VNode {
  const { address, go } = useNavigation();
  const { parts } = address;
  // The index of the part that the field edits; other parts are only chips.
  const [open, setOpen] = useState<number | null>(() => indexOfOnlyText(parts));
  const [draft, setDraft] = useState(() => textAt(parts, open));
  const own = useRef<readonly Part[]>(parts);
  const isTyping = useRef(false);
  const timer = useRef(0);

  // The address has changed by a link, the back button or a chip.
  useEffect(() => {
    if (own.current === parts || same(own.current, parts)) return;
    own.current = parts;
    clearTimeout(timer.current);
    isTyping.current = false;
    const index = indexOfOnlyText(parts);
    setOpen(index);
    setDraft(textAt(parts, index));
  }, [parts]);

  // Words that were not searched for yet must not lead back from another view, nor close a dialog.
  const isBehind = address.album !== null || address.code;
  useEffect(() => {
    if (isBehind) clearTimeout(timer.current);
  }, [isBehind]);
  useEffect(() => () => clearTimeout(timer.current), []);

  const change = (next: readonly Part[], options?: { replace?: boolean }): void => {
    own.current = next;
    go({ view: "search", parts: next, album: null, code: false }, options);
  };
  const submit = (text: string): void => {
    clearTimeout(timer.current);
    const clean = text.trim().replace(/\s+/g, " ");
    const others = own.current.filter((_, index) => index !== open);
    if (clean === textAt(own.current, open) || (clean && others.length >= PARTS_MAX)) return;
    const present = open === null ? undefined : own.current[open];
    const at = open ?? others.length;
    const part: Part = { kind: "text", text: clean, weight: present?.weight ?? 1 };
    const next = clean ? [...others.slice(0, at), part, ...others.slice(at)] : others;
    setOpen(clean ? at : null);
    // One phrase is one entry of the history, however many pauses its typing had.
    change(next, { replace: isTyping.current });
    isTyping.current = true;
  };
  const submitLater = (text: string): void => {
    clearTimeout(timer.current);
    timer.current = setTimeout(() => submit(text), PAUSE_MS);
  };
  const type = (event: Event): void => {
    const text = (event.target as HTMLInputElement).value;
    setDraft(text);
    submitLater(text);
  };
  // The search of the typed words waits while a dialog is open, because it would close the dialog.
  const hasDialog = address.album !== null || address.code;
  useEffect(() => {
    if (!hasDialog) submitLater(draft);
    return () => clearTimeout(timer.current);
  }, [hasDialog]);
  const pin = (): void => {
    submit(draft);
    isTyping.current = false;
    setOpen(null);
    setDraft("");
    document.getElementById("query")?.focus();
  };
  const addPictures = async (files: readonly File[]): Promise<void> => {
    submit(draft);
    const stored = await Promise.all(files.slice(0, PARTS_MAX).map((file) => addPicture(file, file.name || "picture")));
    const added = stored.map(({ id }): Part => ({ kind: "image", id, weight: 1 }));
    isTyping.current = false;
    change([...own.current, ...added].slice(0, PARTS_MAX));
  };
  useDroppedPictures((files) => void addPictures(files));

  const hasChips = parts.length > 1 || (parts.length === 1 && open === null) || parts.some((part) => part.weight !== 1);
  return html`<form
    class="query-bar"
    role="search"
    onSubmit=${(event: Event) => {
      event.preventDefault();
      submit(draft);
      isTyping.current = false;
      if (parts.length > 1) pin();
    }}
  >
    <div class="field">
      <${Icon} name="search" />
      <input
        id="query"
        type="search"
        name="text"
        aria-label="Describe a cover"
        placeholder=${hasChips ? "Add words" : "Describe a cover"}
        maxlength=${TEXT_MAX_CHARS}
        autocomplete="off"
        enterkeyhint="search"
        dir="auto"
        value=${draft}
        onInput=${type}
        onBlur=${() => (isTyping.current = false)}
      />
      ${draft.trim() &&
      html`<button type="button" class="field-button field-pin" title="Keep these words and add more" onClick=${pin}>
        <${Icon} name="plus" /><span class="hidden">Keep these words as a part, and add another part</span>
      </button>`}
      <${PictureButton} label="Choose a picture" icon="picture" onFiles=${addPictures} />
      <${PictureButton} label="Take a photo" icon="camera" camera onFiles=${addPictures} />
    </div>
    ${isStart && html`<${DropZone} onFiles=${addPictures} />`}
    ${hasChips &&
    html`<${Parts}
      parts=${parts}
      onChange=${(next: readonly Part[]) => {
        isTyping.current = false;
        const index = indexOfOnlyText(next);
        setOpen(index);
        setDraft(textAt(next, index));
        change(next);
      }}
    />`}
    <p class="parts-full" role="status">
      ${parts.length >= PARTS_MAX ? `A search has at most ${PARTS_MAX} parts. Remove a part to add another.` : ""}
    </p>
  </form>`;
}

interface PictureButtonProps {
  label: string;
  icon: "picture" | "camera";
  camera?: boolean;
  onFiles: (files: readonly File[]) => Promise<void>;
}

function DropZone({ onFiles }: { onFiles: (files: readonly File[]) => Promise<void> }): VNode {
  return html`<label class="drop-zone">
    <${Icon} name="picture" />
    <span class="for-mouse">Drop a picture here, paste it, or choose one</span>
    <span class="for-touch">Choose a picture of a cover</span>
    <${FileInput} onFiles=${onFiles} multiple />
  </label>`;
}

function PictureButton({ label, icon, camera = false, onFiles }: PictureButtonProps): VNode {
  return html`<label class=${`field-button ${camera ? "field-camera" : ""}`} title=${label}>
    <${Icon} name=${icon} /><span class="hidden">${label}</span>
    <${FileInput} onFiles=${onFiles} capture=${camera ? "environment" : undefined} multiple=${!camera} />
  </label>`;
}

interface FileInputProps {
  onFiles: (files: readonly File[]) => Promise<void>;
  multiple?: boolean;
  capture?: "environment" | undefined;
}

function FileInput({ onFiles, multiple = false, capture }: FileInputProps): VNode {
  const choose = (event: Event): void => {
    const input = event.target as HTMLInputElement;
    const files = [...(input.files ?? [])];
    // The same file can be chosen again.
    input.value = "";
    if (files.length) void onFiles(files);
  };
  return html`<input
    class="hidden"
    type="file"
    accept="image/*,.heic,.heif,.avif"
    capture=${capture}
    multiple=${multiple}
    onChange=${choose}
  />`;
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
