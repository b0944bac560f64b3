/** The page's own words in its languages. Titles and descriptions are the boards' own. */

/** @typedef {"en" | "ko"} Language */

/** @type {Record<string, [en: string, ko: string]>} */
const WORDS = {
  alerts: ["Alerts", "알림"],
  targets: ["Targets", "수집 대상"],
  catalogue: ["Metrics", "지표 목록"],
  boards: ["Boards", "대시보드"],
  runbook: ["Runbook", "런북"],
  board: ["Board", "대시보드"],
  from: ["From", "시작"],
  to: ["To", "끝"],
  range: ["Time range", "시간 범위"],
  apply: ["Apply", "적용"],
  refresh: ["Refresh", "새로 고침"],
  off: ["Off", "끔"],
  every: ["Refresh every", "새로 고침 주기"],
  theme: ["Light or dark", "밝게/어둡게"],
  language: ["한국어", "English"],
  out: ["Zoom out", "축소"],
  back: ["Earlier", "이전 구간"],
  forward: ["Later", "다음 구간"],
  all: ["All", "전체"],
  none: ["none", "없음"],
  selected: ["chosen", "개 선택"],
  noData: ["No data", "데이터 없음"],
  loading: ["Loading", "불러오는 중"],
  partial: ["Partial", "일부만"],
  failed: ["Failed", "실패"],
  notDrawn: ["Not drawn here", "여기서는 그리지 않습니다"],
  notTransformed: ["Not applied here", "적용하지 않은 변환"],
  unreachable: [
    "Prometheus does not answer. What is shown may be old or missing.",
    "Prometheus가 응답하지 않습니다. 오래되었거나 빠진 값일 수 있습니다.",
  ],
  asTable: ["Show as a table", "표로 보기"],
  asGraph: ["Show as drawn", "그림으로 보기"],
  about: ["About this panel", "이 패널 설명"],
  queries: ["Queries", "쿼리"],
  exemplars: ["Exemplars", "예시 추적"],
  trace: ["Trace", "추적"],
  series: ["series", "개 계열"],
  last: ["last", "마지막"],
  time: ["Time", "시각"],
  name: ["Name", "이름"],
  value: ["Value", "값"],
  share: ["Share", "비율"],
  mean: ["Mean", "평균"],
  max: ["Max", "최대"],
  min: ["Min", "최소"],
  sum: ["Total", "합계"],
  lastNotNull: ["Last", "마지막"],
  count: ["Count", "개수"],
  firstNotNull: ["First", "처음"],
  median: ["Median", "중앙값"],
  diff: ["Difference", "차이"],
  delta: ["Rise", "증가량"],
  firing: ["Firing", "발생 중"],
  pending: ["Pending", "대기 중"],
  quiet: ["Nothing fires", "발생한 알림이 없습니다"],
  rules: ["Alert rules", "알림 규칙"],
  inactive: ["Quiet", "정상"],
  since: ["since", "시작"],
  state: ["State", "상태"],
  alert: ["Alert", "알림"],
  severity: ["Severity", "심각도"],
  health: ["Health", "건강 상태"],
  job: ["Job", "작업"],
  address: ["Address", "주소"],
  lastScrape: ["Last scrape", "마지막 수집"],
  took: ["Took", "걸린 시간"],
  error: ["Error", "오류"],
  up: ["up", "정상"],
  down: ["down", "응답 없음"],
  unknown: ["unknown", "알 수 없음"],
  metric: ["Metric", "지표"],
  kind: ["Kind", "종류"],
  unit: ["Unit", "단위"],
  meaning: ["Meaning", "뜻"],
  labels: ["Labels", "레이블"],
  readers: ["Read by", "사용하는 곳"],
  search: ["Search", "찾기"],
  noMetrics: ["Prometheus knows no metrics.", "Prometheus에 지표가 없습니다."],
  askLabels: ["ask", "조회"],
  problems: ["These files could not be read as boards", "대시보드로 읽지 못한 파일"],
  noBoards: ["There are no boards.", "대시보드가 없습니다."],
  skip: ["To the content", "본문으로"],
  snapshot: ["Snapshot of", "저장된 화면:"],
  menu: ["Pages", "페이지"],
  graph: ["graph", "그래프"],
  notFound: ["There is no such board", "그런 대시보드가 없습니다"],
  keys: ["Arrow keys read the values.", "화살표 키로 값을 읽습니다."],
  badRange: ["This is no time range", "시간 범위가 아닙니다"],
  use: ["Close", "닫기"],
  rows: ["rows", "행"],
};

/** @type {Language} */
let chosen = "en";

/** @param {string} language */
export function speak(language) {
  chosen = language === "ko" ? "ko" : "en";
  document.documentElement.lang = chosen;
}

export const language = () => chosen;

/** @param {string} key */
export const say = (key) => (Object.hasOwn(WORDS, key) ? WORDS[key][chosen === "ko" ? 1 : 0] : key);

/** @param {string} span `now-6h` */
export function spanName(span) {
  const found = /^now-(\d+)([mhdw])$/.exec(span);
  if (!found) return span;
  const units = { m: ["min", "분"], h: ["h", "시간"], d: ["d", "일"], w: ["w", "주"] };
  const [en, ko] = units[/** @type {"m"} */ (found[2])];
  return chosen === "ko" ? `최근 ${found[1]}${ko}` : `Last ${found[1]} ${en}`;
}
