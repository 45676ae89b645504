/** Jobs as command lines, and as array scripts for a cluster. */
import type { Job } from "./plan.ts"

/** As a POSIX shell reads it back. */
export const quoted = (text: string): string =>
  /^[\w@%+=:,./-][\w@%+=:,./#-]*$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`

export const commandLine = (args: readonly string[]): string => args.map(quoted).join(" ")

const array = (jobs: readonly Job[], command: readonly string[], name: string, comment: readonly string[]): string =>
  [
    "#!/bin/bash",
    `#SBATCH --job-name=${name}`,
    `#SBATCH --array=1-${jobs.length}`,
    "#SBATCH --requeue",
    "# Add what your cluster asks for: --partition, --gres=gpu:1, --cpus-per-task, --time.",
    ...comment.map((line) => `# ${line}`),
    "set -euo pipefail",
    "jobs=(",
    ...jobs.map(({ id }) => `  ${quoted(id)}`),
    ")",
    `exec ${commandLine(command)} --job "\${jobs[$SLURM_ARRAY_TASK_ID - 1]}"`,
    "",
  ].join("\n")

/** The scripts by file name, in the order in which they are submitted. `command`: what begins every job's. */
export const slurmScripts = (
  jobs: readonly Job[],
  command: readonly string[],
): readonly (readonly [file: string, script: string])[] => {
  const localizers = jobs.filter(({ localizes }) => localizes)
  const others = jobs.filter(({ localizes }) => !localizes)
  const end = `When all have ended, the tables: ${commandLine(command)}`
  return localizers.length === 0
    ? [["study.sh", array(others, command, "hasam-study", ["Submit it with sbatch study.sh from this folder.", end])]]
    : [
        ["localizers.sh", array(localizers, command, "hasam-localizers", ["First: sbatch --parsable localizers.sh"])],
        [
          "study.sh",
          array(others, command, "hasam-study", [
            "Then: sbatch --dependency=afterok:ID study.sh, with the number that the first gave.",
            end,
          ]),
        ],
      ]
}
