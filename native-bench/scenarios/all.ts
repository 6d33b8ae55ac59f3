/** Every scenario, in the order of the report. */
import { crowdScenarios } from './crowds.ts';
import { enduranceScenarios } from './endurance.ts';
import { hostileScenarios } from './hostile.ts';
import { metricsScenarios } from './metrics-cost.ts';
import { requestScenarios } from './requests.ts';
import type { Scenario } from './scenario.ts';
import { snapshotScenarios } from './snapshots.ts';
import { watchScenarios } from './watching.ts';

export const allScenarios: readonly Scenario[] = [
  ...requestScenarios,
  ...watchScenarios,
  ...crowdScenarios,
  ...enduranceScenarios,
  ...snapshotScenarios,
  ...hostileScenarios,
  ...metricsScenarios,
];
