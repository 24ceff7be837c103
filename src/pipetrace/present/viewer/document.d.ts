// Made from the Python records by `python tools/make_declarations.py`; a test holds the two together.

export interface Tensor {
  dtype: string;
  shape: number[];
  base64: string;
}

export interface Document {
  title: string;
  kind: string;
  framework: string;
  facts: string[];
  data: string;
  notice: string | null;
  headline: string;
  remark: string;
  counting: string;
  stages: StageView[];
  training: TrainingView;
  prediction: PredictionView | null;
  quiz: QuestionView[];
  insight: string[];
  foot: Fact[];
  others: PredictionView[];
  events: string[];
  graph: GraphView | null;
  groups: GroupView[];
  focus: string | null;
  brief: boolean;
  findings: FindingsView;
  figures: KeyFigure[];
  ablations: Grid | null;
}

export interface ModelView {
  stages: ModelStage[];
  rows: RowView[];
  outputs: InputView[];
  class_names: string[];
  epochs: EpochView[];
  last: number;
  restored: boolean;
  kept: KeptView | null;
  results: ResultsView | null;
  sections: SectionView[];
  omitted: string;
}

export interface Lesson {
  mode: string;
  about: string;
  intro: string;
  parts: Part[];
  steps: Part[];
  exercises: Exercise[];
  problems: Problem[];
  cards: Card[];
  cells: Cells | null;
  curve: Curve | null;
  pairs: Pairs | null;
  absent: string;
  spares: Problem[];
  minutes: number;
}

export interface ComparisonView {
  title: string;
  headline: string;
  labels: string[];
  roles: string[];
  pages: string[];
  runs: Grid;
  causes: Grid | null;
  metrics: Grid | null;
  classes: Grid | null;
  of_rows: string;
  unknown: string;
  weights: string[];
  charts: Chart[];
  measured: string[];
  epochs: EpochCells[];
  final: string[][];
  lengths: number[];
  stages: ComparedStage[];
  same_start: boolean | null;
  omitted: string[];
  rows: ComparedRows | null;
}

export interface TrainingView {
  charts: Chart[];
  columns: string[];
  rows: EpochRow[];
  steps: string;
  note: string;
  empty: string | null;
  absent: boolean;
  start: string[];
  evaluations: Grid | null;
}

export interface FindingsView {
  title: string;
  found: FindingView[];
  failed: string[];
}

export interface Grid {
  label: string;
  columns: string[];
  rows: string[][];
  marks: string[];
  note: string | null;
}

export interface StageView {
  id: string;
  number: number;
  title: string;
  name: string;
  kind: string;
  input: string;
  output: string;
  does: string;
  shape: string | null;
  parameters: string | null;
  parts: string | null;
  arithmetic: string | null;
  time: string | null;
  example: string | null;
  measured: string[];
  measured_on: string;
  image: ImageView | null;
  bars: Bar[];
  weights: ImageView | null;
  distribution: Distribution | null;
  channels: Bar[];
  wiring: string[];
  written: string | null;
  mask: string | null;
  bars_label: string;
  others: ImageView[];
  change: Change | null;
  omitted: string | null;
  findings: Mark[];
  courses: Chart[];
}

export interface PredictionView {
  id: string;
  name: string;
  title: string;
  verdict: string;
  outcomes: OutcomeView[];
  layers: LayerView[];
  omitted: string | null;
  check: string;
  total: number;
}

export interface QuestionView {
  text: string;
  options: string[];
  answer: number;
  remarks: string[];
  evidence: string;
  place: string;
  row: number | null;
  sealed: string[];
}

export interface Fact {
  name: string;
  text: string;
}

export interface GraphView {
  label: string;
  width: number;
  height: number;
  boxes: Box[];
  wires: Wire[];
  lines: TreeLine[];
}

export interface GroupView {
  id: string;
  name: string;
  title: string;
  input: string;
  output: string;
  text: string;
  parameters: string;
  first: number;
  last: number;
  expanded: boolean;
  findings: Mark[];
}

export interface KeyFigure {
  name: string;
  text: string;
  note: string;
  level: string;
  column: number | null;
}

export interface ModelStage {
  name: string;
  owner: string;
  fixed: boolean;
  layer: string;
  config: string;
  inputs: InputView[];
  outputs: ShapeView[];
  weights: Record<string, Tensor>;
  parameters: number;
  unit_names: string[];
  words: string[];
  filters: string[];
}

export interface RowView {
  position: number;
  row: number;
  label: number | null;
  label_text: string;
  outputs: Record<string, Tensor>;
}

export interface InputView {
  source: string;
  output: number;
}

export interface EpochView {
  number: number;
  weights: Record<string, Tensor>;
  outputs: Tensor[];
  filters: Record<string, string[]>;
}

export interface KeptView {
  rows: Tensor;
  validation: Tensor;
  labels: Tensor | null;
  inputs: KeptInput[];
  targets: Tensor[];
  outputs: Tensor[];
}

export interface ResultsView {
  validation: boolean;
  noun: string;
  note: string;
  outputs: OutputView[];
}

export interface SectionView {
  name: string;
  stages: string[];
  text: string;
}

export interface Part {
  heading: string;
  texts: string[];
  code: string;
  table: Table | null;
  place: Place | null;
  closed: boolean;
}

export interface Exercise {
  level: string;
  text: string;
  code: string;
  blanks: Blank[];
  hint: string;
  solution: string;
  place: Place | null;
}

export interface Problem {
  kind: string;
  level: string;
  text: string;
  code: string;
  options: string[];
  answer: number;
  remarks: string[];
  place: Place | null;
  sealed: string[];
}

export interface Card {
  level: string;
  front: string;
  answer: string;
  back: string;
  place: Place | null;
}

export interface Cells {
  names: string[];
  counts: number[][];
  start: number;
  noun: string;
}

export interface Curve {
  name: string;
  thresholds: number[];
  counts: [number, number, number, number][];
  start: number;
  noun: string;
}

export interface Pairs {
  name: string;
  pairs: [number, number][];
}

export interface Chart {
  title: string;
  label: string;
  x: Tick[];
  y: Tick[];
  series: Series[];
  reference: Tick | null;
  best: number | null;
  best_text: string | null;
  borders: number[];
}

export interface EpochCells {
  epoch: number;
  cells: string[][];
}

export interface ComparedStage {
  title: string;
  names: (string | null)[];
  differs: string[];
  table: Grid;
  charts: Chart[];
}

export interface ComparedRows {
  texts: string[];
  epochs: number[];
  rows: ComparedRow[];
  omitted: string;
}

export interface EpochRow {
  id: string;
  epoch: number;
  cells: string[];
  exact: string[];
  observation: string;
  findings: Mark[];
  border: string;
}

export interface FindingView {
  id: string;
  level: string;
  rule: string;
  text: string;
  places: Link[];
  evidence: string[];
  why: string;
  advice: string;
  change: string;
  sure: string;
  symptoms: FindingView[];
}

export interface ImageView {
  kind: string;
  label: string;
  shape: [number, number, number];
  values: Tensor;
  low: number;
  high: number;
  low_text: string;
  high_text: string;
  colormap: string;
  names: string[];
  mark: [number, number, number] | null;
  texts: string[];
  note: string | null;
  hidden: number[];
}

export interface Bar {
  name: string;
  length: number;
  text: string;
  marked: boolean;
}

export interface Distribution {
  label: string;
  heights: number[];
  low_text: string;
  high_text: string;
  texts: string[];
}

export interface Change {
  text: string;
  prediction: ImageView | null;
  training: ImageView | null;
}

export interface Mark {
  id: string;
  level: string;
  rule: string;
  text: string;
}

export interface OutcomeView {
  name: string | null;
  form: string;
  verdict: string;
  bars: Bar[];
  bars_label: string;
  threshold: Threshold | null;
  table: Grid | null;
  images: ImageView[];
}

export interface LayerView {
  id: string;
  number: number;
  title: string;
  shape: string;
  text: string;
  image: ImageView | null;
  bars: Bar[];
}

export interface Box {
  id: string;
  name: string;
  note: string;
  label: string;
  kind: string;
  x: number;
  y: number;
  width: number;
  height: number;
}

export interface Wire {
  path: string;
  text: string;
}

export interface TreeLine {
  number: string;
  depth: number;
  drawn: string;
  name: string;
  joins: string[];
  comes: string | null;
  what: string;
  shape: string;
  output: boolean;
}

export interface ShapeView {
  shape: number[];
}

export interface KeptInput {
  stage: string;
  values: Tensor;
  levels: Tensor | null;
}

export interface OutputView {
  name: string | null;
  form: string;
  scale: string;
  threshold: number;
  names: string[];
  results: ResultView[];
}

export interface Table {
  header: string[];
  rows: string[][];
  caption: string;
}

export interface Place {
  address: string;
  text: string;
  whole: boolean;
}

export interface Blank {
  answer: string;
  within: number;
  slips: Slip[];
  sealed: string[];
}

export interface Tick {
  at: number;
  text: string;
}

export interface Series {
  name: string;
  role: string;
  points: Point[];
}

export interface ComparedRow {
  row: number;
  true: string;
  predicted: string[][];
  right: boolean[][];
}

export interface Link {
  id: string;
  text: string;
}

export interface Threshold {
  at: number;
  limit: number;
  text: string;
}

export interface ResultView {
  epoch: number;
  title: string;
  sentences: string[];
}

export interface Slip {
  answer: string;
  remark: string;
}

export interface Point {
  epoch: number;
  x: number;
  y: number | null;
  text: string;
}
