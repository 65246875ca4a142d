// The dialog that shows the present search as program code, to copy.

import type { VNode } from "preact";
import { useEffect, useState } from "preact/hooks";

import { html } from "../html";
import { Dialog } from "../shell/dialog";
import { Icon } from "../shell/icons";
import { useNavigation } from "../shell/navigation";
import { connection } from "../shell/session";
import { codeSample, type Language, LANGUAGES } from "./samples";
import { searchOf } from "../search/use_search";

export function CodeDialog(): VNode {
  const { address, close } = useNavigation();
  const [language, setLanguage] = useState<Language>("curl");
  const [code, setCode] = useState("");
  useEffect(() => {
    let isCurrent = true;
    void codeSample(language, searchOf(address, 0), connection).then((made) => {
      if (isCurrent) setCode(made);
    });
    return () => {
      isCurrent = false;
    };
  }, [language]);
  return html`<${Dialog} label="This search as code" className="code-dialog" onClose=${() => close({ code: false })}>
    <h2>This search as code</h2>
    <div class="tabs" role="group" aria-label="Language">
      ${LANGUAGES.map(
        (each) => html`<button
          key=${each}
          type="button"
          class="tab"
          aria-pressed=${each === language}
          onClick=${() => setLanguage(each)}
        >
          ${each}
        </button>`,
      )}
    </div>
    <div class="code-box">
      <pre class="code" tabindex="0" aria-label=${`${language} code`}><code>${code}</code></pre>
      <${CopyButton} text=${code} />
    </div>
    <p class="note">
      All parameters are described in the <a href="../docs">HTTP interface</a>.
      ${language === "Python" && html`<span> The program needs the package <code>httpx</code>.</span>`}
      ${language === "JavaScript" && html`<span> The program runs with Node 20 or later, as a file that ends with <code>.mjs</code>.</span>`}
    </p>
  <//>`;
}

function CopyButton({ text }: { text: string }): VNode {
  const [isCopied, setCopied] = useState(false);
  useEffect(() => setCopied(false), [text]);
  const copy = async (): Promise<void> => {
    if (await copyText(text)) setCopied(true);
  };
  return html`<button type="button" class="button copy" onClick=${copy}>
    <${Icon} name=${isCopied ? "check" : "copy"} /><span aria-live="polite">${isCopied ? "Copied" : "Copy"}</span>
  </button>`;
}

async function copyText(text: string): Promise<boolean> {
  // Pages without TLS have no `navigator.clipboard`, except on localhost.
  if (navigator.clipboard) {
    return navigator.clipboard.writeText(text).then(
      () => true,
      () => false,
    );
  }
  const code = document.querySelector(".code code");
  if (code) getSelection()?.selectAllChildren(code);
  return document.execCommand("copy");
}
