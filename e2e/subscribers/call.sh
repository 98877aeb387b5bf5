# Place calls step by step and print SIPp's statistics, a line of CSV per second.
#   call.sh "RATE:SECONDS ..." HOLD_MS AT_MOST_CALLS
# The rate may be changed from outside at any time:  echo "cset rate 80" > /dev/udp/127.0.0.1/8888
set -u
steps=$1 hold=$2 bound=$3
first=${steps%%:*}
cd /tmp
ulimit -n 10000  # a socket per call
sipp -sf /scenarios/caller.xml "$PCSCF_SERVICE_HOST:5060" -i "$POD_IP" -t un -max_socket 9000 -buff_size 200000 \
  -r "$first" -d "$hold" -m "$bound" -default_behaviors all,-abortunexp -cp 8888 -nostdin \
  -trace_stat -stf stat.csv -fd 1 >/dev/null &
sipp=$!
until [ -s stat.csv ] || ! kill -0 $sipp; do sleep 0.1; done
tail -n +1 -s 0.2 -F --pid=$sipp stat.csv &
for step in $steps; do
  printf 'cset rate %s' "${step%%:*}" > /dev/udp/127.0.0.1/8888
  sleep "${step##*:}"
done
printf q > /dev/udp/127.0.0.1/8888   # no new calls; those in progress go on to their end
wait $sipp
wait
exit 0
