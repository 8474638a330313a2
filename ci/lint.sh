#!/usr/bin/env bash
# One lint run for a CI job: annotations in the log, a summary of the job, SARIF in a file. Values come in as variables.
# usage: FOLDER=. FORMAT=github SARIF=lint.sarif SINCE=origin/main MORE=$'--preview' lint.sh path/to/mlscaffold
set -euo pipefail

mlscaffold=$1
arguments=(lint --fail-on "${FAIL_ON:-warning}")
if [ -n "${SINCE:-}" ]; then arguments+=(--changed-since "$SINCE"); fi
while IFS= read -r word; do
  if [ -n "$word" ]; then arguments+=("$word"); fi
done <<<"${MORE:-}"

outputs=()
if [ -n "${SARIF:-}" ]; then outputs+=(--output "sarif=$SARIF"); fi
if [ -n "${GITHUB_STEP_SUMMARY:-}" ]; then outputs+=(--output "markdown=$GITHUB_STEP_SUMMARY"); fi
if [ "${#outputs[@]}" -gt 0 ]; then
  "$mlscaffold" "${arguments[@]}" "${outputs[@]}" -- "${FOLDER:-.}" || [ $? -eq 1 ] # findings fail the next line
fi
exec "$mlscaffold" "${arguments[@]}" --format "${FORMAT:-text}" -- "${FOLDER:-.}"
