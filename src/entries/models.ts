/**
 * latentgrad/models: the models, each by its class. A page that imports one of them gets no other.
 */

export type { Batch, ExampleSource } from "../data/batch.ts";
export { type AaeOptions, AdversarialAutoencoder } from "../models/aae.ts";
export { type AeOptions, PlainAutoencoder } from "../models/ae.ts";
export { Autoencoder, type AutoencoderSettings } from "../models/autoencoder.ts";
export { Classifier, type ClassifierOptions } from "../models/classifier.ts";
export { ConditionalVae, type ConditionalVaeOptions } from "../models/cvae.ts";
export type {
  DataShape,
  ModelClass,
  ModelDefinition,
  ModelDescription,
  SettingsOf,
} from "../models/definition.ts";
export { DualAae, type DualAaeOptions } from "../models/dual-aae.ts";
export { FactorVae, type FactorVaeOptions } from "../models/factor-vae.ts";
export { FlexAe, type FlexAeOptions, FlexAeSr } from "../models/flex-ae.ts";
export { FlowVae, type FlowVaeOptions } from "../models/flow-vae.ts";
export { type Critic, gradientNormPenalty, gradientPenalty } from "../models/gradient-penalty.ts";
export { InfoVae, type InfoVaeOptions } from "../models/info-vae.ts";
export { KMeansVae, type KMeansVaeOptions } from "../models/kmeans-vae.ts";
export { type LambdaHotOptions, LambdaHotVae } from "../models/lambda-hot.ts";
export { bernoulliNll, type Likelihood } from "../models/likelihoods.ts";
export { klToStandardNormal, reparameterise } from "../models/losses.ts";
export { MaskAae, type MaskAaeOptions } from "../models/mask-aae.ts";
export type {
  ImageShape,
  LossTerms,
  Model,
  Prior,
  SampleTerms,
  ScheduledWeight,
  StepSchedule,
  Update,
} from "../models/model.ts";
export type { GraphValue, NetworkGraph, NetworkOutputs } from "../models/network-graph.ts";
export type { NetworkName } from "../models/networks.ts";
export { type TwoStageOptions, TwoStageVae } from "../models/two-stage.ts";
export { type Posterior, Vae, type VaeOptions } from "../models/vae.ts";
export { WaeGan, type WaeGanOptions, WaeMmd, type WaeMmdOptions } from "../models/wae.ts";
export type { OptimiserRule } from "../optim/rules.ts";
export type {
  ChoiceSetting,
  NumberSetting,
  Setting,
  SettingsOptions,
  SettingsTable,
  SettingsValues,
  SettingValue,
  SwitchSetting,
} from "../settings/setting.ts";
