"""How fast are word vectors: wordstates and its peers, in turns, on one machine.

    python -m benchmarks.speed --treebank PATH      from the root of the repository; --help tells the rest
    make bench BENCH_ARGS="--treebank PATH"         the same, with the peers' environments made first

Modules: `texts` (what is read), `entries` and `contestants` (who reads), `worker` and `race` (in turns, each in a
process and an environment of its own), `studies` (what is measured of wordstates alone), `render` (table and plot).
"""
