#!/bin/bash
# Records with tshark, per capture below a folder, how many DCE/RPC v5 PDUs of each type there are, and how
# many requests per opnum: what corpus_test.cc compares with. Usage: corpus_counts.sh FOLDER > FILE
# Lines: capture, then "t" (type) or "o" (opnum of a request), number, count; tab-separated.
set -eu
root=$1
cd "$root"
find . -name '*.pcap' -o -name '*.pcapng' -o -name '*.cap' -o -name '*.pcap.gz' | sort | while read -r file; do
  timeout 300 tshark -n -r "$file" -Y 'dcerpc.ver == 5' -T fields -E separator=/t -e dcerpc.pkt_type \
    -e dcerpc.opnum 2>/dev/null |
    awk -F'\t' -v file="${file#./}" '
      { n = split($1, types, ","); m = split($2, ops, ","); requests = 0
        for (i = 1; i <= n; i++) { type[types[i]]++; if (types[i] == 0) requests++ }
        if (requests == n && m == n) for (i = 1; i <= m; i++) op[ops[i]]++ }
      END { for (t in type) print file "\tt\t" t "\t" type[t]
            for (o in op) print file "\to\t" o "\t" op[o] }' | sort -t"$(printf '\t')" -k2,2 -k3,3n
done
