// Measure a page with Lighthouse, and fail if a score is below its minimum: `node .ci/lighthouse.mjs URL`.
import { execFileSync } from "node:child_process";

const MINIMUM = { performance: 0.95, accessibility: 1, "best-practices": 1 };
const url = process.argv[2] ?? "http://127.0.0.1:8000/app/";
const chromium = execFileSync("sh", ["-c", "command -v chromium || command -v google-chrome"], { encoding: "utf8" });
const report = JSON.parse(
  execFileSync(
    "node",
    [
      ".tools/node_modules/lighthouse/cli/index.js",
      url,
      "--quiet",
      "--output=json",
      `--only-categories=${Object.keys(MINIMUM).join(",")}`,
      "--chrome-flags=--headless --no-sandbox --disable-gpu --disable-background-networking",
    ],
    {
      encoding: "utf8",
      env: { ...process.env, CHROME_PATH: chromium.trim() },
      maxBuffer: 64 * 1024 * 1024,
    },
  ),
);
let isGood = true;
for (const [name, minimum] of Object.entries(MINIMUM)) {
  const { score, auditRefs } = report.categories[name];
  console.log(`${name}: ${score}, at least ${minimum}`);
  if (score >= minimum) continue;
  isGood = false;
  for (const { id, weight } of auditRefs) {
    const audit = report.audits[id];
    if (weight && audit.score !== null && audit.score < 1) console.log(`  ${audit.title}: ${audit.displayValue ?? ""}`);
  }
}
process.exit(isGood ? 0 : 1);
