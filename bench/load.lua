-- What wrk sends: `wrk -s load.lua URL -- METHOD ROWS BODY`. OFFSET in the path becomes a random offset
-- below ROWS. At the end it prints what `load.py` reads: requests a second, the 95th percentile, failures.

local rows, path

function init(arguments)
  wrk.method = arguments[1] or "GET"
  rows = tonumber(arguments[2] or "0")
  wrk.body = arguments[3]
  path = wrk.path
  math.randomseed(os.time())
end

function request()
  if rows == 0 then
    return wrk.format(nil, path)
  end
  return wrk.format(nil, (path:gsub("OFFSET", tostring(math.random(0, rows - 1)))))
end

function done(summary, latency)
  local errors = summary.errors
  local failed = errors.status + errors.connect + errors.read + errors.write + errors.timeout
  io.write(string.format("result %f %f %d\n", summary.requests / (summary.duration / 1e6), latency:percentile(95) / 1e6, failed))
end
