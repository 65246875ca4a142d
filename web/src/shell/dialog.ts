// A modal dialog of the page; the browser gives the focus back when it closes.

import type { ComponentChildren, VNode } from "preact";
import { useEffect, useRef } from "preact/hooks";

import { html } from "../html";
import { Icon } from "./icons";

interface DialogProps {
  label: string;
  className: string;
  onClose: () => void;
  children: ComponentChildren;
}

export function Dialog({ label, className, onClose, children }: DialogProps): VNode {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const opener = document.activeElement;
    dialog.current?.showModal();
    return () => {
      // The browser restores the focus only if the dialog is closed before it is removed.
      if (opener instanceof HTMLElement && opener.isConnected) opener.focus({ preventScroll: true });
    };
  }, []);
  const closeOutside = (event: MouseEvent): void => {
    if (event.target === dialog.current) onClose();
  };
  return html`<dialog
    ref=${dialog}
    class=${`dialog ${className}`}
    aria-label=${label}
    onCancel=${(event: Event) => {
      event.preventDefault();
      onClose();
    }}
    onClick=${closeOutside}
  >
    <div class="dialog-body">
      <button type="button" class="dialog-close" aria-label="Close" onClick=${onClose}><${Icon} name="close" /></button>
      ${children}
    </div>
  </dialog>`;
}
