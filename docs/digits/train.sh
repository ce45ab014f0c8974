#!/usr/bin/env bash
# Trains the model that ships inside: train.sh RECORDINGS OUT, with a folder of {digit}_{speaker}_{index}.wav.
# Each stage goes on from the one before; where a stage was cut short, the step it stopped at stands beside it.
set -euo pipefail
recordings=$1 out=$2
here=$(cd "$(dirname "$0")" && pwd)

# glibc gives the memory of every step back to the system unless it is told not to.
export MALLOC_MMAP_THRESHOLD_=33000000 MALLOC_TRIM_THRESHOLD_=4000000000

python "$here/make_data.py" --recordings "$recordings" --out "$out/strong" --count 24000 --human 0.7 --style strong
python "$here/make_data.py" --recordings "$recordings" --out "$out/light" --count 18000 --dev 200 --human 0.85 --style light

common=(--batch-size 16 --bf16 --half)

# 1. Strongly disguised voices, from random weights; stopped with Ctrl-C after 3,330 steps.
speechgraft fit "$out/strong/train/manifest.jsonl" --eval "$out/strong/dev/manifest.jsonl" --out "$out/first" \
  --encoder-config "$here/encoder.json" --decoder-config "$here/decoder.json" \
  --augment-config "$here/augment_strong.json" --steps 9000 --lr 1.5e-3 --warmup 300 --curriculum-steps 3000 \
  --ctc-weight 1.0 --average 0.999 --eval-every 1000 --seed 1 "${common[@]}"

# 2. The same at lower rates; stopped after 750 steps, the best of which (500) goes on.
speechgraft fit "$out/strong/train/manifest.jsonl" --eval "$out/strong/dev/manifest.jsonl" --out "$out/second" \
  --from "$out/first/last" --augment-config "$here/augment_strong.json" --steps 4000 --lr 8e-4 --decoder-lr 5e-4 \
  --warmup 100 --ctc-weight 0.3 --average 0.998 --eval-every 500 --seed 3 "${common[@]}"

# 3. A positional kernel that reaches over the whole utterance, on lightly disguised voices. Stopped after 2,505 steps
#    and gone on with (--resume) under --steps 4200, so that the rates fall to zero there.
python "$here/widen.py" "$out/second/best" "$out/wide" --kernel 256
speechgraft fit "$out/light/train/manifest.jsonl" --eval "$out/light/dev/manifest.jsonl" --out "$out/third" \
  --from "$out/wide" --augment-config "$here/augment_light.json" --steps 6500 --lr 8e-4 --decoder-lr 8e-4 \
  --warmup 200 --ctc-weight 0.3 --average 0.998 --eval-every 500 --seed 5 "${common[@]}"

# How much a voice that was heard helps: one short stage without one of the speakers, to compare with the others.
grep -v '"theo"' "$out/light/train/manifest.jsonl" > "$out/light/train/without.jsonl"
grep -v '"theo"' "$out/light/dev/manifest.jsonl" > "$out/light/dev/without.jsonl"
speechgraft fit "$out/light/train/without.jsonl" --eval "$out/light/dev/without.jsonl" --out "$out/without" \
  --encoder-config "$here/encoder.json" --decoder-config "$here/decoder.json" \
  --augment-config "$here/augment_light.json" --steps 2000 --lr 1.5e-3 --decoder-lr 8e-4 --warmup 300 \
  --curriculum-steps 800 --ctc-weight 0.7 --average 0.998 --eval-every 500 --seed 6 "${common[@]}"
