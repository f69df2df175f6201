#!/bin/sh
# model.sh --action training|application --config FILE
#
# How much will a customer order next month? As much as in the months before, on average: put your
# model in its place, and your data in that of customers.csv.
set -eu
action=$2

case $action in
  training)
    # What is left in output/ is the version; the gate reads metrics.json.
    awk -F, 'NR > 1 { n++; sum += $2; difference = $2 > $3 ? $2 - $3 : $3 - $2; error += difference }
             END { printf "%.4f\n", sum / n > "output/mean.txt"
                   printf "{ \"mean_error\": %.4f, \"rows\": %d }\n", error / n, n > "output/metrics.json" }' customers.csv
    echo "learned a mean of $(cat output/mean.txt)"
    ;;
  application)
    # output/ has the live version in it.
    awk -F, -v mean="$(cat output/mean.txt)" \
      'NR == 1 { print "customer_id,orders_expected"; next } { printf "%s,%.4f\n", $1, ($2 + mean) / 2 }' \
      customers.csv > output/predictions.csv
    echo "predicted $(($(wc -l < output/predictions.csv) - 1)) customers"
    ;;
  *) echo "model.sh: unknown action $action" >&2; exit 2 ;;
esac
