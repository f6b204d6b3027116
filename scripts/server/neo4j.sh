# Neo4j Community from Maven Central. It is GPL-3: a process of its own, of which nothing is shipped with this project.
# Sourced by scripts/servers, which has the helpers.
#   NEO4J_VERSION  5.26.30 unless told; later ones need Java 21
#   NEO4J_IMPORT   directory of `sluice export --format csv`: a new server begins with that graph
#   NEO4J_JVM      options of the Java machine: small and quick to start unless told
version="${NEO4J_VERSION:-5.26.30}"
home="$servers/neo4j"
# Jars are shared by all servers of this checkout.
jars="$root/.servers/neo4j-$version"
# Of the compilers only the first: half the time and memory of a start. Benchmarks take the defaults of Java.
jvm="${NEO4J_JVM:--Xms128m -Xmx768m -XX:TieredStopAtLevel=1 -XX:+UseSerialGC}"

# Java and Maven, from Debian's packages where they are missing and may be installed.
need_java() {
  command -v java >/dev/null && command -v mvn >/dev/null && return 0
  [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null ||
    fail "Neo4j needs Java 17 or newer and Maven: install them, for example openjdk-17-jre-headless and maven."
  say "installing Java and Maven"
  three_tries apt-get update -qq >&2
  three_tries apt-get install -y -qq --no-install-recommends openjdk-17-jre-headless maven >&2
}

fetch() {
  [ -f "$jars/complete" ] && return 0
  need_java
  say "fetching Neo4j $version from Maven Central"
  rm -rf "$jars"
  mkdir -p "$jars"
  # Export to Hadoop and Parquet is a sixth of the jars, and used by nobody here.
  local exclusions="" group
  for group in org.apache.hadoop org.apache.parquet blue.strategic.parquet org.xerial.snappy; do
    exclusions+="<exclusion><groupId>$group</groupId><artifactId>*</artifactId></exclusion>"
  done
  cat >"$jars/pom.xml" <<POM
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>sluice</groupId><artifactId>neo4j-server</artifactId><version>1</version><packaging>pom</packaging>
  <dependencies><dependency>
    <groupId>org.neo4j</groupId><artifactId>neo4j</artifactId><version>$version</version>
    <exclusions>$exclusions</exclusions>
  </dependency></dependencies>
</project>
POM
  three_tries mvn -B -ntp -q -f "$jars/pom.xml" \
    org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies \
    -DincludeScope=runtime -DoutputDirectory="$jars/lib" >&2 ||
    fail "Neo4j could not be fetched from Maven Central."
  touch "$jars/complete"
}

# Made once; the password is this server's own.
configure() {
  mkdir -p "$home/conf"
  [ -f "$home/port" ] || free_port >"$home/port"
  local port
  port="$(cat "$home/port")"
  # The checkpoint and log settings keep the files of a server that lives for minutes small.
  cat >"$home/conf/neo4j.conf" <<CONF
server.default_listen_address=127.0.0.1
server.bolt.listen_address=127.0.0.1:$port
server.bolt.advertised_address=127.0.0.1:$port
server.http.enabled=false
server.https.enabled=false
dbms.usage_report.enabled=false
server.memory.pagecache.size=${NEO4J_PAGECACHE:-256m}
db.tx_log.preallocate=false
internal.dbms.bolt.netty_server_shutdown_quiet_period=0
db.tx_log.rotation.retention_policy=keep_none
db.tx_log.rotation.size=32M
db.checkpoint.interval.time=20s
CONF
  [ -f "$home/password" ] && return 0
  ln -sfn "$jars/lib" "$home/lib"
  local password
  password="$(head -c 18 /dev/urandom | base64 | tr -dc 'a-zA-Z0-9')"
  java -XX:TieredStopAtLevel=1 -cp "$jars/lib/*" -Dbasedir="$home" \
    org.neo4j.server.startup.Neo4jAdminCommand dbms set-initial-password "$password" >"$home/admin.log" 2>&1 ||
    fail "Neo4j's password could not be set: see $home/admin.log"
  (umask 077 && echo "$password" >"$home/password")
}

# The offline import, into a server that has not started yet.
import_graph() {
  local files
  files="$(cd "$NEO4J_IMPORT" && pwd)"
  (cd "$files" && HEAP_SIZE="${NEO4J_IMPORT_HEAP:-1g}" java -XX:TieredStopAtLevel=1 -cp "$jars/lib/*" -Dbasedir="$home" \
    org.neo4j.server.startup.Neo4jAdminCommand database import full neo4j --report-file="$home/import.report" \
    --overwrite-destination=true @import.args) >"$home/import.log" 2>&1 ||
    fail "Neo4j could not import $files: see $home/import.log, which ends with: $(tail -n 12 "$home/import.log")"
  echo "$files" >"$home/imported"
}

announce() {
  publish neo4j "NEO4J_URI=neo4j://127.0.0.1:$(cat "$home/port")" "NEO4J_USERNAME=neo4j" \
    "NEO4J_PASSWORD=$(cat "$home/password")"
  say "Neo4j $version answers at neo4j://127.0.0.1:$(cat "$home/port"); to reach it: source $servers/env"
}

up() {
  if [ -n "${NEO4J_IMPORT:-}" ] && [ -d "$home/data/databases/neo4j" ]; then
    say "nothing is imported: the server in $home has a graph already; another SERVERS_DIR makes another one"
  fi
  if is_ours "$(cat "$home/pid" 2>/dev/null || true)" "--home-dir=$home "; then
    announce
    return 0
  fi
  fetch
  command -v java >/dev/null || need_java
  configure
  if [ -n "${NEO4J_IMPORT:-}" ] && [ ! -d "$home/data/databases/neo4j" ]; then import_graph; fi
  # Somebody else may have taken the port meanwhile.
  if (exec 3<>"/dev/tcp/127.0.0.1/$(cat "$home/port")") 2>/dev/null; then
    rm "$home/port"
    configure
  fi
  local entry=org.neo4j.server.CommunityEntryPoint extra=()
  case "$version" in
  5.*) ;;
  *)
    entry=org.neo4j.server.Neo4jCommunity
    extra=(--enable-native-access=ALL-UNNAMED)
    ;;
  esac
  rm -f "$home/logs/neo4j.log"
  local pid
  # shellcheck disable=SC2086
  pid="$(start "$home/out.log" java $jvm "${extra[@]}" \
    --add-opens=java.base/java.nio=ALL-UNNAMED --add-opens=java.base/java.io=ALL-UNNAMED \
    --add-opens=java.base/sun.nio.ch=ALL-UNNAMED -cp "$jars/lib/*" "$entry" \
    --home-dir="$home" --config-dir="$home/conf" 9>&-)"
  echo "$pid" >"$home/pid"
  # On a busy machine a start takes a minute.
  for _ in $(seq 900); do
    kill -0 "$pid" 2>/dev/null || fail "Neo4j ended while it started: see $home/out.log and $home/logs/neo4j.log"
    if grep -q "Started\.$" "$home/logs/neo4j.log" 2>/dev/null; then
      announce
      return 0
    fi
    sleep 0.2
  done
  end "$pid"
  fail "Neo4j did not start within three minutes: see $home/logs/neo4j.log"
}

down() {
  local pid
  pid="$(cat "$home/pid" 2>/dev/null || true)"
  if is_ours "$pid" "--home-dir=$home "; then
    end "$pid"
    say "Neo4j is down"
  else
    say "Neo4j was not running"
  fi
  rm -f "$home/pid"
  publish neo4j
}
