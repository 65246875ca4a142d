// Pictures that are dropped on the page or pasted into it.

import { useEffect, useRef } from "preact/hooks";

/** Call a function with the pictures that are dropped anywhere on the page, or pasted. */
export function useDroppedPictures(onFiles: (files: readonly File[]) => void): void {
  const latest = useRef(onFiles);
  latest.current = onFiles;
  useEffect(() => {
    const ending = new AbortController();
    const listen = <K extends keyof DocumentEventMap>(name: K, heard: (event: DocumentEventMap[K]) => void): void =>
      document.addEventListener(name, heard, { signal: ending.signal });
    listen("dragover", (event) => {
      if (!hasFiles(event.dataTransfer)) return;
      event.preventDefault();
      document.body.classList.add("is-dropping");
    });
    listen("dragleave", (event) => {
      if (event.relatedTarget === null) document.body.classList.remove("is-dropping");
    });
    listen("drop", (event) => {
      document.body.classList.remove("is-dropping");
      if (!hasFiles(event.dataTransfer)) return;
      event.preventDefault();
      latest.current([...(event.dataTransfer?.files ?? [])]);
    });
    listen("paste", (event) => {
      const files = [...(event.clipboardData?.files ?? [])];
      if (files.length === 0) return;
      event.preventDefault();
      latest.current(files);
    });
    return () => ending.abort();
  }, []);
}

function hasFiles(transfer: DataTransfer | null): boolean {
  return transfer?.types.includes("Files") ?? false;
}
