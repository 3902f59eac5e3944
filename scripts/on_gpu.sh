#!/usr/bin/env bash
# What is measured on a GPU: bash scripts/on_gpu.sh [PART...], by default "small fp16 bf16", nine minutes in all.
# What it needs lies in .gpu (docs/gpu.md). Each part has its own limit and writes its results to $OUT as they come;
# the log is $OUT/log.txt.
set -uo pipefail
cd "$(dirname "$0")/.."
out=${OUT:-out/gpu}
site=${SITE:-/tmp/site}
mkdir -p "$out"

limited() { # SECONDS WORD...
  local limit=$1 began=$SECONDS status; shift
  echo "== $*" >> "$out/log.txt"
  timeout --kill-after=5 "$limit" "$@" >> "$out/log.txt" 2>&1
  status=$?
  echo "== exit $status after $((SECONDS - began)) s of $limit: $*" | tee -a "$out/log.txt"
}

fidelity() { # LOW SECONDS NAME...
  local low=$1 seconds=$2; shift 2
  limited $((seconds + 5)) python benchmarks/fidelity.py "$@" --low "$low" --out "$out/fidelity-$low" --seconds "$seconds"
}

[ -f "$site/environment" ] || limited 120 python scripts/gpu_machine.py unpack .gpu "$site"
. "$site/environment"
for part in ${*:-small fp16 bf16}; do
  case $part in
    small)
      limited 30 python -m trtflow doctor
      limited 50 python benchmarks/fidelity_recurrent.py --out "$out/recurrent.md"
      limited 60 python benchmarks/gpu_speed.py --out "$out/speed.md" ;;
    fp16) fidelity fp16 "${SECONDS_FP16:-300}" ;;
    bf16) fidelity bf16 "${SECONDS_BF16:-70}" unet ppocr-det ppocr-rec silero nudenet v6-rec ;;
    *) echo "there is no part $part; expected some of: small fp16 bf16" >&2; exit 2 ;;
  esac
done
ls -l "$out"
